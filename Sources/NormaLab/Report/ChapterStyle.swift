/// What makes a chapter of a report: contents beside the text, closer sections, and folds beside each other.
enum ChapterStyle {
  static let sheet = text + contents + paper

  private static let text = """
    main.chapter { max-width: 80rem; padding-top: 2rem; }
    .chapter section { margin-top: 2rem; padding-top: 1.25rem; }
    .chapter section, .chapter figure, .chapter li[id] { scroll-margin-top: 3.5rem; }
    .chapter h2 { margin-bottom: 0.625rem; }
    .chapter header { margin-bottom: 0; }
    .part-title {
      margin-bottom: 0.25rem; color: var(--muted);
      font: 600 0.8125rem/1.4 var(--sans); letter-spacing: 0.06em; text-transform: uppercase;
    }
    :where(.chapter) p { margin-bottom: 0.75rem; }
    .thread em { color: var(--ink); }
    .chapter .thread { margin-bottom: 0.5rem; max-width: 47rem; color: var(--muted); }
    .chapter .answer { margin-bottom: 0.75rem; font-weight: 600; line-height: 1.5; }
    .chapter figure { margin: 0.75rem 0 0.875rem; gap: 0.5rem 2.5rem; }
    .chapter figcaption { font-size: 0.9688rem; }
    .chapter .picture-title { margin-bottom: 0.25rem; }
    .chapter .legend { margin-bottom: 0.5rem; }
    .chapter .formula { width: fit-content; max-width: 100%; margin-bottom: 0.75rem; white-space: pre-wrap; }
    .further { font: 0.9375rem/1.5 var(--sans); }
    .folds { display: flex; flex-wrap: wrap; gap: 0.25rem 1.75rem; }
    .folds > details { margin: 0; min-width: 0; }
    .folds > details[open] { flex-basis: 100%; padding-bottom: 0.75rem; }
    .numbers { display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: start; }
    .folds .numbers .scroll { margin-top: 0; }
    @media screen { .folds .numbers .scroll { max-height: 24rem; overflow-y: auto; } }
    .folds tbody th { white-space: normal; }
    .whole { font: 1.0625rem/1.6 var(--serif); }
    .whole > summary { max-width: 100%; }
    .whole h2 { display: inline; margin: 0; color: var(--ink); font-size: 1.1875rem; }
    .whole[open] > summary { margin-bottom: 0.75rem; }
    .chapter section:has(> .whole) { margin-top: 0; padding: 0.625rem 0; }
    .chapter section:has(> .part-title):has(> .whole) { margin-top: 2rem; padding-top: 1.25rem; }

    """

  private static let contents = """
    .contents p { margin: 0.75rem 0 0.25rem; color: var(--muted); font: 600 0.75rem/1.4 var(--sans); }
    .contents ol { display: block; }
    .contents li { margin: 0; }
    .contents a { display: block; padding: 0.125rem 0.5rem; border-left: 2px solid var(--rule); text-decoration: none; }
    .contents a:hover { text-decoration: underline; }
    .contents a[aria-current] { border-left-color: var(--series-0); font-weight: 600; }
    .contents { font: 0.8125rem/1.4 var(--sans); }
    @media screen and (max-width: 67.99rem) {
      .chapter > nav { position: sticky; top: 0; z-index: 2; margin: 0 -1rem; padding: 0 1rem; background: var(--background); }
      .contents { max-height: 80vh; overflow-y: auto; border-bottom: 1px solid var(--rule); }
      .contents summary { padding: 0.625rem 0; width: auto; font-size: 0.9375rem; }
      .contents a { padding: 0.375rem 0.5rem; font-size: 0.9375rem; }
      .contents[open] { padding-bottom: 0.75rem; }
    }
    @media screen and (min-width: 68rem) {
      main.chapter {
        display: grid; grid-template-columns: 12.5rem minmax(0, 1fr); gap: 0 2.5rem; align-items: start;
      }
      .chapter > header, .chapter > .text { grid-column: 2; }
      .chapter > nav { grid-column: 1; grid-row: 1 / 3; position: sticky; top: 1.5rem; }
      .contents { max-height: calc(100vh - 3rem); overflow-y: auto; }
    }
    /* Where there is room nothing needs to be opened. */
    @supports selector(::details-content) {
      @media screen and (min-width: 68rem) {
        .contents > summary { display: none; }
        .contents::details-content { content-visibility: visible; }
        .contents div:first-of-type p { margin-top: 0; }
      }
    }

    """

  /// Everything, since on paper nothing can be opened.
  private static let paper = """
    @media print {
      .chapter details:not(.contents) { display: block; }
      .chapter details::details-content { content-visibility: visible; block-size: auto; }
      .chapter summary { list-style: none; font-weight: 600; break-after: avoid; }
      .chapter details .scroll { max-height: none; overflow: visible; }
      .chapter details thead th { position: static; }
      .chapter section { margin-top: 1rem; }
      .chapter details table { break-inside: auto; font-size: 7.5pt; }
      .folds { display: block; }
      .numbers table { font-size: 7pt; }
      .numbers th, .numbers td { padding: 0.5pt 6pt 0.5pt 0; white-space: normal; }
      .claims li { break-inside: avoid; }
    }

    """
}
