package dev.tallrec.report;

/** The style sheet of {@link HtmlReport}: light, dark where the reader prefers it, and on paper. */
final class HtmlStyle {

  private HtmlStyle() {}

  static String css() {
    return ":root{color-scheme:light dark;--page:#f4f6f8;--accent:#0067a3;"
        + colours(ChartTheme.LIGHT)
        + "}\n@media screen and (prefers-color-scheme: dark){:root{--page:#0f1115;--accent:#6cbdec;"
        + colours(ChartTheme.DARK)
        + "}}\n"
        + RULES;
  }

  private static String colours(ChartTheme theme) {
    return "--card:%s;--ink:%s;--muted:%s;--rule:%s"
        .formatted(
            ChartTheme.css(theme.background()),
            ChartTheme.css(theme.ink()),
            ChartTheme.css(theme.muted()),
            ChartTheme.css(theme.grid()));
  }

  private static final String RULES =
      """
      *{box-sizing:border-box}
      html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
      body{margin:0;background:var(--page);color:var(--ink);
        font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
        overflow-wrap:anywhere}
      .layout{max-width:72rem;margin:0 auto;padding:2rem 1.5rem 4rem;display:grid;
        grid-template-columns:13rem minmax(0,1fr);column-gap:2.5rem}
      .plain{display:block;max-width:56rem}
      header.top{grid-column:1 / -1}
      h1{font-size:1.9rem;line-height:1.2;margin:0 0 1.25rem;letter-spacing:-.01em}
      h2{font-size:1.3rem;margin:2.5rem 0 .75rem}
      main section:first-child h2{margin-top:0}
      h3{font-size:1.05rem;line-height:1.35;margin:0 0 .3rem}
      nav{position:sticky;top:1.5rem;align-self:start;max-height:calc(100vh - 3rem);
        overflow-y:auto;font-size:.875rem;line-height:1.4}
      nav p{margin:0 0 .5rem;font-weight:600}
      nav ul{list-style:none;margin:0;padding:0 0 0 .9rem;border-left:2px solid var(--rule)}
      nav ul ul{border:0;padding-left:.8rem}
      nav li{margin:.4rem 0}
      a{color:var(--accent);text-decoration:none}
      a:hover,a:focus-visible{text-decoration:underline}
      .card{background:var(--card);border:1px solid var(--rule);border-radius:10px;
        padding:1.1rem 1.25rem;margin:0 0 1.25rem}
      .facts{padding-left:2.3rem}
      .facts li{margin:.25rem 0}
      .caption,.note{color:var(--muted);font-size:.9rem;margin:0 0 .7rem}
      .note{margin:.6rem 0 0;font-size:.82rem}
      .scroll{overflow-x:auto}
      table{border-collapse:collapse;width:100%;font-size:.94rem;
        font-variant-numeric:tabular-nums lining-nums}
      th,td{padding:.42rem .75rem;text-align:right;white-space:nowrap;vertical-align:baseline;
        border-bottom:1px solid var(--rule)}
      thead th{border-bottom:2px solid var(--muted);font-weight:600;vertical-align:bottom}
      tbody tr:last-child th,tbody tr:last-child td{border-bottom:0}
      th:first-child{text-align:left;padding-left:0}
      tbody th{font-weight:400;white-space:normal;min-width:9rem}
      tbody tr:hover td,tbody tr:hover th{background:var(--page)}
      td b{font-weight:700}
      .other th,.other td{color:var(--muted)}
      .badge{display:inline-block;padding:0 .45em;border:1px solid currentColor;
        border-radius:1em;font-size:.7rem;line-height:1.5;white-space:nowrap;vertical-align:.1em}
      figure{margin:0 0 1.25rem}
      picture,img{display:block;width:100%;height:auto}
      img{max-width:760px;margin:.4rem auto 0}
      .mistakes{display:grid;gap:1.25rem;grid-template-columns:repeat(auto-fill,minmax(18rem,1fr))}
      .mistake{display:flex;flex-direction:column;margin:0}
      .mistake h3{color:var(--muted);font-weight:600;font-size:.9rem}
      .text{white-space:pre-wrap;margin:.2rem 0 1rem;font-size:.94rem;flex:1}
      .answer{margin:0 0 .7rem}
      .scale{position:relative;height:6px;border-radius:3px;background:var(--rule);
        margin:0 7px .5rem}
      .scale span{position:absolute;top:-4px;width:14px;height:14px;margin-left:-7px;
        border-radius:50%;background:#d55e00;border:2px solid var(--card);
        -webkit-print-color-adjust:exact;print-color-adjust:exact}
      .standing{margin:0;font-size:.85rem;color:var(--muted)}
      @media (max-width:900px){
        .layout{display:block}
        nav{position:static;max-height:none;margin:0 0 1.75rem;font-size:.94rem}
      }
      @media screen and (max-width:640px){
        .layout{padding:1.25rem .75rem 3rem}
        h1{font-size:1.5rem}
        .card{padding:.9rem}
        .facts{padding-left:1.8rem}
        table{font-size:.875rem}
        th,td{padding:.42rem .55rem}
        th:first-child{position:sticky;left:0;background:var(--card);max-width:40vw;min-width:7rem;
          padding-right:.6rem;box-shadow:1px 0 0 var(--rule)}
        .mistakes{grid-template-columns:minmax(0,1fr)}
        figure.card{padding-left:.4rem;padding-right:.4rem}
        figure h3{padding:0 .5rem}
      }
      @media print{
        :root{color-scheme:light;--page:#fff}
        body{font-size:10.5pt}
        .layout{display:block;max-width:none;padding:0}
        nav{display:none}
        .card{border-color:#ccc}
        .scroll{overflow:visible}
        .card,table,tr,figure{break-inside:avoid}
        .mistakes{display:block}
        .mistake{margin:0 0 1rem}
        h1,h2,h3{break-after:avoid}
      }
      """;
}
