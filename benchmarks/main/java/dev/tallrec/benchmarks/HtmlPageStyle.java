package dev.tallrec.benchmarks;

/**
 * The style sheet of {@link HtmlPage}: light, dark where the reader prefers it, cards on a phone.
 */
final class HtmlPageStyle {

  private HtmlPageStyle() {}

  static final String CSS =
      """
      :root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--ink:#1b1f24;--muted:#57606a;
        --rule:#d5dae0;--band:#e6ebf0;--bad:#b3261e;--good:#1a6e3c;--same:#3d5a80}
      @media screen and (prefers-color-scheme: dark){:root{--page:#101216;--card:#1a1d23;
        --ink:#e7eaee;--muted:#a0a8b2;--rule:#363c45;--band:#2a2f37;--bad:#ff8a80;--good:#6fd197;
        --same:#9bbce0}}
      *{box-sizing:border-box}
      body{margin:0;background:var(--page);color:var(--ink);overflow-wrap:anywhere;
        font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
      main{max-width:76rem;margin:0 auto;padding:2rem 1.25rem 3rem}
      h1{font-size:1.6rem;line-height:1.25;margin:0 0 .75rem}
      h2{font-size:1.15rem;margin:2rem 0 .5rem}
      .summary{background:var(--card);border-left:5px solid;padding:.7rem 1rem;margin:0 0 1rem;
        font-weight:600}
      .bad{--mark:var(--bad)}
      .good{--mark:var(--good)}
      .same{--mark:var(--same)}
      .summary{border-color:var(--mark)}
      .machine{display:flex;flex-wrap:wrap;gap:.4rem 2rem;margin:0 0 1rem;font-size:.9rem}
      .machine div{min-width:0}
      dt{color:var(--muted);font-size:.8rem}
      dd{margin:0}
      .note{color:var(--muted);font-size:.88rem;max-width:60rem}
      table{width:100%;border-collapse:collapse;background:var(--card);font-size:.92rem;
        font-variant-numeric:tabular-nums}
      th,td{padding:.5rem .7rem;text-align:left;vertical-align:middle;
        border-bottom:1px solid var(--rule)}
      thead th{color:var(--muted);font-weight:600;border-bottom-width:2px}
      tbody th{font-weight:600}
      .number{white-space:nowrap}
      td.interval{width:15rem;color:var(--muted)}
      .bar{display:block;width:100%;min-width:9rem;height:auto}
      .band{fill:var(--band)}
      .axis{fill:var(--muted)}
      .range{fill:var(--mark);opacity:.45}
      .ratio{fill:var(--mark);stroke:var(--card);stroke-width:1.5}
      .counters span{display:block;font-size:.85rem;color:var(--muted)}
      .counters .rose{color:var(--bad);font-weight:600}
      .verdict{color:var(--mark);font-weight:600}
      @media (max-width:720px){
        main{padding:1.1rem .75rem 2rem}
        h1{font-size:1.3rem}
        table{background:none}
        table,tbody,tr,th,td{display:block}
        thead{display:none}
        tr{background:var(--card);border:1px solid var(--rule);border-left:5px solid var(--mark);
          border-radius:6px;margin:0 0 .8rem;padding:.6rem .8rem}
        th,td{border:0;padding:.15rem 0}
        td{display:grid;grid-template-columns:5.5rem minmax(0,1fr)}
        td::before{content:attr(data-label);color:var(--muted);font-weight:400}
        td.interval{width:auto}
        td>*{grid-column:2}
        .counters:empty{display:none}
      }
      @media print{:root{color-scheme:light;--page:#fff}tr{break-inside:avoid}
        rect,circle{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
      """;
}
