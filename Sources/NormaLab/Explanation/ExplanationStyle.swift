/// The look of the explanation's page: that of the reports, and what can be operated.
enum ExplanationStyle {
  static var sheet: String { ReportStyle.sheet + shades + stage + layout + controls + drawings + paper + openingPaper }

  /// What a ``PageOpening`` needs beside the look of reports.
  static var opening: String { shades + stage + openingPaper }

  /// What a network answers, from the one group to the other.
  private static let shades = """
    .shade-0 { fill: color-mix(in srgb, var(--series-0) 60%, var(--background)); }
    .shade-1 { fill: color-mix(in srgb, var(--series-0) 30%, var(--background)); }
    .shade-2 { fill: var(--background); }
    .shade-3 { fill: color-mix(in srgb, var(--series-1) 30%, var(--background)); }
    .shade-4 { fill: color-mix(in srgb, var(--series-1) 60%, var(--background)); }
    .point { stroke: var(--background); stroke-width: 1; }
    .point.first { fill: var(--series-0); }
    .point.second { fill: var(--series-1); }

    """

  private static let stage = """
    header h1 { margin-bottom: 0.75rem; max-width: none; }
    header .headline { margin-bottom: 1rem; }
    .stage { display: grid; gap: 1.25rem 2.5rem; margin: 1.5rem 0; }
    .stage > * { min-width: 0; }
    .drawn { max-width: 34rem; }
    @media (min-width: 60rem) {
      .stage { grid-template-columns: minmax(0, 34rem) minmax(0, 1fr); align-items: start; }
    }
    @media (min-width: 60rem) {
      .stage.opening { grid-template-columns: minmax(0, 2.1fr) minmax(0, 1fr); margin: 1rem 0 1.5rem; }
    }
    .opening .pair { margin: 0; }
    .pair { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(2, minmax(0, 1fr)); margin: 1rem 0; max-width: 47rem; }
    figure.learner { display: block; margin: 0; }
    .learner figcaption { min-height: 1.4em; margin-bottom: 0.375rem; }
    .square { position: relative; aspect-ratio: 1; overflow: hidden; border: 1px solid var(--rule); border-radius: 6px; }
    .square > * { position: absolute; inset: 0; width: 100%; height: 100%; }
    .score, .small-title { margin: 0.375rem 0 0.5rem; color: var(--muted); font: 0.875rem/1.45 var(--sans); }
    .score span { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
    canvas { display: block; width: 100%; }
    .moving { display: none; }
    .live .moving { display: block; }
    .live span.moving { display: inline; }
    .live .still { display: none; }
    .formula { padding: 0.5rem 0.875rem; background: var(--surface); border-radius: 6px; font: 0.9375rem/1.5 var(--mono); }
    .control { display: none; font: 0.9375rem/1.45 var(--sans); }
    .live .control { display: block; }
    .live .slider { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 1rem; margin-bottom: 0.75rem; max-width: 34rem; }
    .slider input { grid-column: 1 / -1; grid-row: 2; width: 100%; height: 1.75rem; margin: 0; accent-color: var(--series-0); }
    .slider .setting { font-weight: 600; font-variant-numeric: tabular-nums; }
    .live .buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-bottom: 0.875rem; max-width: 47rem; }
    button, select, .field {
      font: inherit; color: var(--ink); background: var(--surface); border: 1px solid var(--muted); border-radius: 6px;
      padding: 0.3125rem 0.75rem; min-height: 2.25rem;
    }
    button { cursor: pointer; }
    button:hover:enabled { background: var(--rule); }
    button:disabled { opacity: 0.5; cursor: default; }
    :is(button, select, input, [tabindex="0"]):focus-visible { outline: 2px solid var(--series-0); outline-offset: 2px; }
    .outcome { padding: 0.625rem 0.875rem; background: var(--surface); border-radius: 6px; font: 0.9375rem/1.5 var(--sans); }
    @media (max-width: 40rem) {
      .pair { gap: 0.75rem; }
      .learner figcaption { display: flex; align-items: flex-end; min-height: 2.8em; font-size: 0.9375rem; }
      .formula { padding: 0.5rem; font-size: 0.8125rem; }
    }

    """

  private static let openingPaper = """
    @media print {
      .live .control, .control { display: none; }
      .live .moving, .live span.moving { display: none; }
      .live .still { display: block; }
      .live span.still { display: inline; }
      .stage, .pair { break-inside: avoid; }
      .pair { max-width: 130mm; }
      .outcome, .formula { border: 1px solid var(--rule); }
    }

    """

  private static let layout = """
    @media (min-width: 120rem) { html { font-size: 125%; } }
    @media (min-width: 150rem) { html { font-size: 150%; } }
    main { max-width: 68rem; padding-top: 2.5rem; }
    section.part { margin-top: 3rem; }
    .part-number { color: var(--muted); font-weight: 400; margin-right: 0.25em; }
    nav ol { list-style: decimal; padding-left: 1.75rem; gap: 0.375rem 2.5rem; }
    figure.losses { display: block; margin: 1.5rem 0; max-width: 47rem; }
    canvas.layers { aspect-ratio: 3 / 2; }
    #play-losses { aspect-ratio: 18 / 7; }
    .key { display: flex; gap: 1.5rem; margin: 0.5rem 0 0; font: 0.875rem/1.5 var(--sans); }
    .swatch::before {
      content: ""; display: inline-block; width: 1.5rem; height: 0.25rem; margin-right: 0.5rem; vertical-align: middle;
      background: var(--colour);
    }
    .derivation { max-width: 43rem; padding-left: 1.5rem; }
    .derivation p { margin-bottom: 0.5rem; }

    """

  private static let controls = """
    .live .choice { display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: center; margin-bottom: 0.75rem; }
    .live .check { display: flex; gap: 0.5rem; align-items: center; margin-bottom: 0.75rem; }
    .check input { width: 1.25rem; height: 1.25rem; flex: none; margin: 0; accent-color: var(--series-0); }
    .live .control-grid { display: grid; gap: 0.25rem 2rem; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); }
    .control-grid .buttons { grid-column: 1 / -1; }
    svg [tabindex="0"]:focus-visible { outline: none; }
    p.hint { color: var(--muted); }
    .figures { display: grid; grid-template-columns: auto minmax(0, 1fr); margin: 0 0 1rem; font: 0.9375rem/1.45 var(--sans); font-variant-numeric: tabular-nums; }
    .figures > * { padding: 0.25rem 0; border-bottom: 1px solid var(--rule); }
    .figures dt { padding-right: 1rem; color: var(--muted); }
    .figures dd { margin: 0; text-align: right; white-space: pre-wrap; }
    .numbers table { width: 100%; max-width: 43rem; }
    .numbers td, .numbers th { padding: 0.25rem 0.5rem 0.25rem 0; text-align: right; white-space: nowrap; }
    .numbers tr > :first-child { text-align: left; }
    .numbers small { display: block; font-weight: 400; }
    .field { width: 5.5rem; padding: 0.25rem 0.5rem; text-align: right; font-variant-numeric: tabular-nums; }
    .field[aria-invalid="true"] { border-color: var(--series-1); outline: 2px solid var(--series-1); }
    .settings { display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; margin: 0 0 1rem; font: 0.9375rem/1.45 var(--sans); }
    .setting-field { display: flex; align-items: center; gap: 0.5rem; }
    .statistics { font-variant-numeric: tabular-nums; }
    .shown { font-variant-numeric: tabular-nums; }
    .sums { list-style: none; margin: 0 0 1rem; padding: 0; font: 0.875rem/1.6 var(--mono); }
    .node-details h3 { margin: 0.5rem 0; font: 600 1rem/1.4 var(--sans); }
    .node-details { min-height: 13rem; }
    figure.listing { display: block; margin: 0; }
    .listing ol { list-style: none; margin: 0.5rem 0 0; padding: 0.5rem; background: var(--surface); border-radius: 6px; }
    .listing code { display: block; padding: 0.0625rem 0.5rem; border-radius: 4px; font: 0.8125rem/1.55 var(--mono); overflow-wrap: anywhere; }
    .listing .chosen { background: var(--heat-0); }
    .listing .now { box-shadow: inset 3px 0 var(--series-1); }
    .live .listing code { cursor: pointer; }
    @media (max-width: 40rem) {
      .numbers .field { width: 3.5rem; padding: 0.25rem 0.25rem; }
      .numbers table { font-size: 0.8125rem; }
      .numbers td, .numbers th { padding-right: 0.25rem; }
      .numbers small { font-size: 0.6875rem; white-space: normal; }
      .derivation { padding-left: 1.25rem; }
    }

    """

  private static let drawings = """
    .chart .handle circle { fill: var(--series-0); stroke: var(--background); stroke-width: 1.5; }
    .chart .result circle { fill: var(--background); stroke: var(--series-0); stroke-width: 1.75; }
    .chart .handle text { fill: var(--background); font-weight: 600; font-size: 11px; }
    .chart .result text { fill: var(--series-0); font-weight: 600; font-size: 11px; }
    .live .handle { cursor: ew-resize; touch-action: pan-y; }
    .handle:focus circle, .node:focus rect { stroke: var(--ink); stroke-width: 3; }
    .handle:focus, .node:focus { outline: none; }
    .strand { stroke: var(--rule); stroke-width: 1.5; fill: none; }
    .spread { stroke: var(--series-1); stroke-width: 2.5; fill: none; }
    .line.dashed { stroke-dasharray: 7 4; }
    .node rect { fill: var(--surface); stroke: var(--muted); stroke-width: 1; }
    .chart .node-name { fill: var(--ink); font-weight: 600; }
    .chart .node-value { fill: var(--series-0); font-size: 11.5px; }
    .chart .node-gradient { fill: var(--series-1); font-size: 11.5px; }
    .chart .part-label { fill: var(--series-1); font-size: 11.5px; paint-order: stroke; stroke: var(--background); stroke-width: 4px; }
    .edge { fill: none; stroke: var(--muted); stroke-width: 1.25; }
    .edge.back { stroke: var(--series-1); }
    .edge.chosen { stroke-width: 2.5; }
    .edge.later { stroke: var(--rule); }
    .node.later rect { stroke: var(--rule); }
    .node.chosen rect { fill: var(--heat-0); stroke: var(--series-0); }
    .node.now rect { stroke: var(--series-1); stroke-width: 2.5; }
    .live .node { cursor: pointer; }
    .cell { stroke: var(--background); stroke-width: 1; fill: var(--heat-1); }
    .cell.side-1 { fill: var(--heat-0); }
    .cell.side-2 { fill: var(--heat-2); }
    .cell.marked { fill: var(--series-1); }
    .live #block-drawing { cursor: grab; touch-action: pan-y; }

    """

  private static let paper = """
    @media print {
      .part { break-inside: auto; }
      .drawn { max-width: 110mm; }
      .derivation li { break-inside: avoid; }
      .losses { max-width: 110mm; }
      #steps-drawing { max-height: 200mm; }
      .field { border: none; background: none; padding: 0; min-height: 0; }
    }

    """
}
