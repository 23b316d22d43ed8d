/** How the page behind a signed link looks. One constant text: the page's policy allows exactly this, by its hash. */

/** Colours are those of verdicts elsewhere; each holds 4.5:1 on its ground, in light and dark. */
export const LINK_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --text: #1a1d21; --muted: #59616b; --line: #dde1e6; --border: #828b96;
  --focus: #0b5c8a; --hold: #4c2f8e; --hold-tint: #ece6fa; --allow: #3b7268; --allow-tint: #e3f2ee;
  --block: #96101c; --block-tint: #fce6e6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171c; --card: #1b1f26; --text: #e7eaee; --muted: #a3acb8; --line: #2e3540; --border: #707a87;
    --focus: #6cc4f5; --hold: #a27cff; --hold-tint: #2c2150; --allow: #64e6c8; --allow-tint: #12352f;
    --block: #f76a6a; --block-tint: #451b1f;
  }
}
* { box-sizing: border-box; margin: 0; }
body {
  min-height: 100vh; padding: 16px; background: var(--ground); color: var(--text);
  font: 16px/24px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; -webkit-text-size-adjust: 100%;
}
main {
  max-width: 480px; margin: 0 auto; padding: 24px; background: var(--card);
  border: 1px solid var(--line); border-radius: 6px; overflow-wrap: anywhere;
}
@media (min-width: 600px) { body { padding-top: 12vh; } main { padding: 32px; } }
h1 { font-size: 20px; line-height: 28px; font-weight: 600; }
main > h1 + *, main > p + p { margin-top: 12px; }
.muted, .foot { color: var(--muted); }
.kind {
  display: inline-block; margin-bottom: 16px; padding: 2px 10px; border-radius: 4px;
  font-size: 14px; line-height: 20px; font-weight: 600;
}
.hold { color: var(--hold); background: var(--hold-tint); }
.allow { color: var(--allow); background: var(--allow-tint); }
.block { color: var(--block); background: var(--block-tint); }
.number { margin: 4px 0; font: 600 28px/36px ui-monospace, "SF Mono", Menlo, Consolas, monospace; letter-spacing: -0.02em; }
.about, main > h1 ~ .call { margin-top: 20px; padding-top: 16px; border-top: 1px solid var(--line); }
.who { font-size: 16px; line-height: 24px; font-weight: 400; }
.about .number, main > h1 ~ .call .number { font-size: 20px; line-height: 28px; margin: 0; }
dl {
  display: grid; grid-template-columns: 1fr 1fr; gap: 12px; margin: 16px 0; padding: 16px 0;
  border: solid var(--line); border-width: 1px 0;
}
.wide { grid-column: 1 / -1; }
dt, dd .muted, label .muted, .call .muted { font-size: 14px; line-height: 20px; }
dt { color: var(--muted); }
dd .muted { display: block; }
time { font-variant-numeric: tabular-nums; white-space: nowrap; }
label { display: block; margin-bottom: 4px; }
input {
  width: 100%; height: 48px; padding: 0 12px; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--border); border-radius: 6px;
}
.buttons { position: sticky; bottom: 0; display: flex; gap: 12px; padding: 16px 0 12px; background: var(--card); }
.buttons button {
  flex: 1; height: 64px; font: inherit; font-size: 18px; font-weight: 600; border-radius: 6px;
  border: 2px solid var(--text); cursor: pointer; touch-action: manipulation;
}
.refuse { color: var(--text); background: transparent; }
.approve { color: var(--card); background: var(--text); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.reason { margin-top: 12px; padding-left: 12px; border-left: 3px solid var(--line); }
.foot { margin-top: 20px; font-size: 14px; line-height: 20px; }
form + .foot { margin-top: 4px; }
`;
