/// The look of a page.
enum ReportStyle {
  /// The style sheet. Lengths that follow the reader's font size are in `rem`.
  static var sheet: String {
    """
    :root {
      color-scheme: light dark;
      --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
      --serif: Charter, "Bitstream Charter", "Iowan Old Style", "Source Serif 4", Cambria, Georgia, serif;
      --mono: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
    \(Palette.light.variables)}
    @media screen and (prefers-color-scheme: dark) {
      :root {
    \(Palette.dark.variables)  }
    }
    \(seriesClasses)
    """ + text + tables + figures + charts + touch + narrowAndPaper
  }

  /// The styles of a drawing that stands alone.
  static var drawingSheet: String {
    """
    svg {
      --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; padding: 8px;
      color-scheme: light dark; background: var(--background);
    \(Palette.light.variables)}
    @media (prefers-color-scheme: dark) {
      svg {
    \(Palette.dark.variables)  }
    }
    \(seriesClasses)
    """ + charts
  }

  private static var seriesClasses: String {
    Palette.light.series.indices.map { ".series-\($0) { --colour: var(--series-\($0)); }\n" }.joined()
      + Palette.light.heat.indices.map { ".heat-\($0) { fill: var(--heat-\($0)); }\n" }.joined()
  }

  private static let text = """
    *, ::before, ::after { box-sizing: border-box; }
    html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
    body {
      margin: 0; padding: 0 1.25rem; background: var(--background); color: var(--ink);
      font: 400 1.0625rem/1.6 var(--serif);
    }
    main { max-width: 66rem; margin: 0 auto; padding: 4rem 0 5rem; overflow-wrap: break-word; }
    p { margin: 0 0 1rem; max-width: 43rem; }
    header { margin-bottom: 2.5rem; }
    .kind {
      margin-bottom: 0.75rem; color: var(--muted);
      font: 600 0.8125rem/1.4 var(--sans); letter-spacing: 0.06em; text-transform: uppercase;
    }
    h1 {
      margin: 0 0 1.25rem; max-width: 48rem; font-size: 2.375rem; line-height: 1.18; font-weight: 600;
      text-wrap: balance;
    }
    .headline { max-width: 47rem; margin-bottom: 1.25rem; font-size: 1.375rem; line-height: 1.45; text-wrap: pretty; }
    .introduction { color: var(--muted); margin-bottom: 0.5rem; }
    h2 { margin: 0 0 1.25rem; font-size: 1.5rem; line-height: 1.3; font-weight: 600; text-wrap: balance; }
    section { margin-top: 3.5rem; padding-top: 1.75rem; border-top: 1px solid var(--rule); }
    a { color: inherit; text-decoration-color: var(--rule); text-underline-offset: 0.2em; }
    a:hover { text-decoration-color: currentColor; }
    nav ol { margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.375rem 1.5rem; list-style: none; }
    nav { font: 0.9375rem/1.5 var(--sans); }
    pre {
      max-width: 47rem; margin: 0 0 1.25rem; padding: 0.875rem 1.125rem; background: var(--surface); border-radius: 6px;
      font: 0.875rem/1.6 var(--mono); white-space: pre-wrap; overflow-x: auto;
    }
    pre span { white-space: pre; }
    .note {
      padding: 0.75rem 1.125rem; background: var(--surface); border-left: 3px solid var(--series-1);
      border-radius: 0 6px 6px 0;
    }
    .question { color: var(--muted); font-style: italic; font-size: 1.125rem; margin-bottom: 0.5rem; }
    .answer { font-size: 1.125rem; max-width: 47rem; text-wrap: pretty; }
    .claims { margin: 0 0 1.5rem; padding: 0; max-width: 47rem; list-style: none; font: 0.9375rem/1.5 var(--sans); }
    .claims li {
      display: grid; grid-template-columns: 9.5rem minmax(0, 1fr); gap: 0 0.5rem; padding: 0.5rem 0;
      border-bottom: 1px solid var(--rule);
    }
    .claims p { margin: 0; }
    .verdict { font-weight: 600; }
    .holds .verdict { color: var(--series-2); }
    .fails .verdict { color: var(--series-1); }
    .open .verdict { color: var(--muted); }
    .holds .verdict::before { content: "✓ "; }
    .fails .verdict::before { content: "✗ "; }
    .open .verdict::before { content: "? "; }
    .evidence, .reason { color: var(--muted); font-size: 0.875rem; }
    details.more { margin: 0 0 1rem; }
    details.more > summary { margin-bottom: 0.5rem; }
    details.more .scroll { max-height: none; }
    footer {
      margin-top: 4rem; padding-top: 1.25rem; border-top: 1px solid var(--rule); color: var(--muted);
      font: 0.875rem/1.55 var(--sans);
    }
    footer p { margin-bottom: 0.5rem; }

    """

  private static let tables = """
    .scroll {
      width: min-content; min-width: min(47rem, 100%); max-width: 100%; margin: 0 0 1.25rem; overflow-x: auto;
    }
    .scroll:focus-visible, pre:focus-visible, summary:focus-visible, a:focus-visible {
      outline: 2px solid var(--series-0); outline-offset: 2px;
    }
    table { border-collapse: collapse; font: 0.9063rem/1.45 var(--sans); font-variant-numeric: tabular-nums; }
    caption { padding-bottom: 0.5rem; text-align: left; color: var(--muted); font-size: 0.875rem; }
    th, td { padding: 0.4375rem 1.125rem 0.4375rem 0; text-align: left; vertical-align: baseline; font-weight: 400; }
    th:last-child, td:last-child { padding-right: 0.25rem; }
    th.number, td.number { text-align: right; white-space: nowrap; }
    thead th {
      vertical-align: bottom; color: var(--muted); font-weight: 600; font-size: 0.8438rem; white-space: normal;
    }
    thead th.number { white-space: normal; }
    thead tr { border-bottom: 1.5px solid var(--muted); }
    tbody tr { border-bottom: 1px solid var(--rule); }
    tbody th { font-weight: 600; }
    tr > :first-child { position: sticky; left: 0; background: var(--background); }

    """

  private static let figures = """
    figure { margin: 2.25rem 0 3rem; display: grid; grid-template-columns: minmax(0, 47rem); gap: 0.75rem 2.5rem; }
    figcaption { font: 600 1.0625rem/1.4 var(--sans); }
    .figure-number { color: var(--muted); margin-right: 0.5em; }
    .reading, .finding { margin: 0; }
    .reading { color: var(--muted); font-size: 0.9688rem; line-height: 1.55; }
    .plate { margin: 0.25rem 0; }
    .legend {
      margin: 0 0 1rem; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; list-style: none;
      font: 0.875rem/1.5 var(--sans);
    }
    .legend li { display: flex; align-items: center; gap: 0.5rem; }
    .sample { display: block; flex: none; height: 12px; }
    .pictures { display: grid; gap: 1.75rem 1.5rem; }
    .pairs { grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); }
    .triples { grid-template-columns: repeat(auto-fill, minmax(min(14rem, 100%), 1fr)); }
    .picture { position: relative; min-width: 0; }
    .picture:has(.norma-graph) { overflow-x: auto; }
    .picture .norma-graph { min-width: 30rem; }
    .picture-title { margin: 0 0 0.5rem; font: 600 0.9063rem/1.4 var(--sans); }
    details { font: 0.9063rem/1.5 var(--sans); }
    summary { width: fit-content; color: var(--muted); cursor: pointer; }
    details .scroll { margin-top: 1rem; max-height: 24rem; overflow-y: auto; min-width: 0; width: fit-content; }
    details thead th { position: sticky; top: 0; z-index: 1; background: var(--background); }
    details thead th:first-child { z-index: 2; }
    details tbody th { white-space: nowrap; }
    details th, details td { padding-top: 0.1875rem; padding-bottom: 0.1875rem; }
    @media (min-width: 68rem) {
      figure { grid-template-columns: minmax(0, 47rem) 15.5rem; }
      figure > * { grid-column: 1; }
      figure > .side { grid-column: 2; grid-row: 2; padding-top: 0.25rem; }
      figure > details { grid-column: 1 / -1; }
    }

    """

  private static let charts = """
    .chart { display: block; width: 100%; height: auto; overflow: visible; }
    .chart text { font-family: var(--sans); font-size: 12px; fill: var(--muted); }
    .chart text.small { font-size: 11px; }
    .chart text.name { fill: var(--colour); font-weight: 600; }
    .chart text.row-label { fill: var(--ink); }
    .chart text.name {
      paint-order: stroke; stroke: var(--background); stroke-width: 4px; stroke-linejoin: round;
    }
    .narrow-only { display: none; }
    .grid { stroke: var(--rule); stroke-width: 1; fill: none; }
    .axis { stroke: var(--muted); stroke-width: 1; fill: none; }
    .reference { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 1 3; stroke-linecap: round; fill: none; }
    .line { stroke: var(--colour); stroke-width: 2; stroke-linejoin: round; fill: none; }
    .marker { fill: var(--colour); stroke: var(--background); stroke-width: 1; }
    .marker.hollow { fill: var(--background); stroke: var(--colour, var(--ink)); stroke-width: 1.75; }
    .dot { fill: var(--colour); fill-opacity: 0.45; stroke: none; }
    .chart text.count { fill: var(--ink); }
    .chart text.count.inverse { fill: var(--background); }
    .band { fill: var(--colour); fill-opacity: 0.14; stroke: none; }
    .target { fill: transparent; stroke: none; }
    .leader { stroke: var(--colour); stroke-width: 1; stroke-opacity: 0.55; fill: none; }
    .end { stroke: var(--colour); stroke-width: 2; stroke-linecap: round; fill: none; }
    .filled { fill: var(--colour, var(--muted)); fill-opacity: 0.5; stroke: none; }
    .bars { fill: var(--colour); fill-opacity: 0.8; }
    .away { fill: none; stroke: var(--ink); stroke-width: 1.25; stroke-dasharray: 3 2; }
    .outline { stroke: var(--ink); stroke-width: 1.25; fill: none; }
    .no-shade { stroke: var(--muted); stroke-width: 1.5; fill: none; }
    .histogram-row {
      display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); gap: 0.5rem 1rem; margin-bottom: 1rem;
    }
    .histogram-cells {
      display: grid; grid-template-columns: repeat(auto-fit, minmax(5.75rem, 1fr)); gap: 0.75rem 1.25rem;
    }
    .histogram-cells.many { grid-template-columns: repeat(auto-fit, minmax(4.25rem, 1fr)); gap: 0.75rem; }
    .histogram-row p { margin: 0; }
    .row-name { padding-top: 1.1rem; font: 600 0.875rem/1.4 var(--sans); }
    .histogram .chart { margin-bottom: 0.25rem; }
    .histogram .name { color: var(--colour); font: 600 0.8125rem/1.5 var(--sans); }
    .histogram .figures, .scale {
      color: var(--muted); font: 0.8125rem/1.45 var(--sans); font-variant-numeric: tabular-nums;
    }

    """

  /// What the script shows in charts, and the buttons that it makes of legends.
  private static let touch = """
    .anchor { color: var(--muted); font: 400 0.875em var(--sans); text-decoration: none; opacity: 0.55; }
    .anchor:hover, .anchor:focus-visible { opacity: 1; }
    .side .legend { margin: 0.75rem 0 0; }
    .legend button {
      display: flex; align-items: center; gap: 0.5rem; margin: 0; padding: 0.125rem 0.375rem; min-height: 1.625rem;
      border: 1px solid var(--rule); border-radius: 6px; background: none; color: inherit; font: inherit; cursor: pointer;
    }
    .legend:has(button) { gap: 0.375rem 0.5rem; }
    .legend button:hover { border-color: var(--muted); }
    .legend button[aria-pressed="false"] { text-decoration: line-through; color: var(--muted); }
    .legend button[aria-pressed="false"] .sample { opacity: 0.25; }
    .legend button:focus-visible, .chart:focus-visible { outline: 2px solid var(--series-0); outline-offset: 2px; }
    .live .chart[role="slider"] { cursor: crosshair; touch-action: pan-y; }
    .off { display: none; }
    .cursor { pointer-events: none; fill: none; stroke: var(--ink); stroke-width: 1.25; }
    .cursor path { stroke-opacity: 0.5; }
    .readout {
      display: none; position: absolute; z-index: 1; top: 2.25rem; left: 2.75rem; max-width: 75%; padding: 0.25rem 0.625rem;
      background: var(--background); border: 1px solid var(--muted); border-radius: 6px; pointer-events: none;
      font: 0.8125rem/1.5 var(--sans); font-variant-numeric: tabular-nums;
    }
    .readout.shown { display: block; }
    .readout.ahead { left: auto; right: 0.25rem; }
    .readout p { margin: 0; color: var(--colour, var(--ink)); font-weight: 600; }
    .readout p:first-child { color: var(--muted); font-weight: 400; }

    """

  private static let narrowAndPaper = """
    @media (max-width: 40rem) {
      body { font-size: 1rem; padding: 0 1rem; }
      main { padding: 2.25rem 0 3rem; }
      h1 { font-size: 1.75rem; }
      .headline { font-size: 1.1875rem; }
      section { margin-top: 2.5rem; }
      .wide-only { display: none; }
      .claims li { grid-template-columns: minmax(0, 1fr); }
      .narrow-only { display: block; }
      .histogram-row { grid-template-columns: minmax(0, 1fr); }
      .histogram-cells { gap: 0.75rem; }
      .row-name {
        padding-top: 0.5rem; border-top: 1px solid var(--rule); display: flex; align-items: baseline;
        gap: 0.75rem;
      }
      .histogram .figures { font-size: 0.75rem; }
      .stacks table, .stacks tbody, .stacks tr, .stacks caption { display: block; }
      .stacks thead { display: none; }
      .stacks tr { padding: 0.5rem 0; }
      .stacks th, .stacks td { display: flex; justify-content: space-between; gap: 1rem; padding: 0.125rem 0; }
      .stacks td::before { content: attr(data-title); color: var(--muted); }
    }
    @media print {
      @page { margin: 14mm 16mm; }
      :root { --background: #ffffff; }
      body { padding: 0; font-size: 10pt; line-height: 1.45; }
      main { max-width: none; padding: 0; }
      h1 { font-size: 22pt; }
      .headline { font-size: 13pt; }
      header { margin-bottom: 1rem; }
      section { margin-top: 1.25rem; padding-top: 0.75rem; }
      h2, figcaption, .reading, .picture-title { break-after: avoid; }
      figure, .picture, .histogram-row, pre, table, tr, .note { break-inside: avoid; }
      pre { break-before: avoid; overflow: visible; }
      figure { margin: 0.75rem 0 1.25rem; gap: 0.375rem; }
      .reading { font-size: 9pt; line-height: 1.4; }
      .finding { break-inside: avoid; }
      .picture-title { font-size: 8.5pt; margin-bottom: 0.25rem; }
      .histogram .figures { font-size: 8pt; }
      .plate { max-width: 160mm; }
      .picture .norma-graph { min-width: 0; max-height: 215mm; width: auto; }
      .histograms { max-width: 130mm; }
      .pairs { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.75rem; }
      .triples { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.75rem; }
      .histogram-row { margin-bottom: 0.5rem; }
      nav, details, .anchor, .readout, .legend.made { display: none; }
      .scroll { overflow: visible; max-width: none; }
      tr > :first-child { position: static; }
      th, td { padding-top: 0.25rem; padding-bottom: 0.25rem; }
      .chart, .sample { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
    }

    """
}
