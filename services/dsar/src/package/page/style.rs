//! How the page looks: in the browser's own colours, light or dark, and readable at a phone's width.

pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--text:#1c1c1e;--soft:#5b5b62;--page:#fff;--box:#f4f4f6;--line:#d9d9de}
@media (prefers-color-scheme:dark){
:root{--text:#ececee;--soft:#a8a8b0;--page:#17171a;--box:#222227;--line:#3a3a42}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.55 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:1.25rem}
h1{font-size:1.6rem;line-height:1.2}
h2{font-size:1.25rem;margin-top:2.5rem}h3{font-size:1.05rem;margin:0 0 .25rem}
h4{font-size:1rem;margin:1rem 0 .25rem}
section{background:var(--box);border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}
p,ul{margin:.5rem 0}.more{color:var(--soft)}code{overflow-wrap:anywhere;font-size:.9em}
audio{display:block;width:100%;margin:.4rem 0}
blockquote{margin:.5rem 0;padding-left:.8rem;border-left:.2rem solid var(--line)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;border-bottom:1px solid var(--line)}
";
