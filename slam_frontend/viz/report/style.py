"""What a report's page looks like, and the few lines of script that draw its figures."""

STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #f6f8fa; color: #24292f;
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 24px 24px 48px; }
h1 { font-size: 26px; margin: 8px 0 4px; }
h2 { font-size: 19px; margin: 0 0 2px; }
h3 { font-size: 15px; margin: 18px 0 4px; }
p { margin: 0 0 8px; }
.note { color: #57606a; font-size: 13.5px; max-width: 100ch; }
section { background: white; border: 1px solid #d8dee4; border-radius: 8px; padding: 16px 20px; margin: 16px 0;
  overflow-x: auto; }
.missing { background: #fff8e6; border-color: #e69f00; }
.missing ul { margin: 4px 0 0; padding-left: 20px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 12px 3px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #eaeef2; }
th { font-weight: 600; }
th[scope=row] { text-align: left; font-weight: 400; padding-right: 24px; }
th.heading { text-align: left; color: #57606a; font-weight: 400; font-style: italic; }
.tables { display: flex; flex-wrap: wrap; gap: 20px 56px; align-items: flex-start; }
td, th:not([scope]) { min-width: 60px; }
tr > :last-child { padding-right: 0; }
details summary { cursor: pointer; color: #0969da; margin-top: 8px; }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(350px, 1fr)); gap: 16px; margin-top: 8px; }
figure { margin: 0; }
figure img { width: 100%; display: block; border-radius: 4px; }
figcaption { font-size: 13px; color: #57606a; padding-top: 4px; }
.badge { background: #d55e00; color: white; border-radius: 4px; padding: 1px 7px; margin-right: 6px; }
.key { display: inline-block; width: 11px; height: 11px; border-radius: 50%; border: 2px solid; vertical-align: -1px; }
footer { color: #57606a; font-size: 13px; }
@media print { body { background: white; } section { break-inside: avoid; } }
"""

SCRIPT = """
const options = {responsive: true, displaylogo: false, plotlyServerURL: "",  // nothing leaves this page
  modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d"]};
const figures = [...document.querySelectorAll("div[data-figure]")];
Promise.all(figures.map(place => {
  const {data, layout} = JSON.parse(document.getElementById(place.dataset.figure).textContent);
  return Plotly.newPlot(place, data, layout, options);
})).then(() => { document.body.dataset.figuresDrawn = figures.length; });
"""
