"""Names that try to be more than names, and a store that is full of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from suite.records import Budget, Condition, Curve, Outcome, Protocol, Trial, TrialResult
from suite.store import StoreWriter

if TYPE_CHECKING:
    from pathlib import Path

# Each calls ran() in a browser where it is not escaped; the report must show it as text.
_CALL: Final = "window.ran=(window.ran||0)+1"
_TAGS: Final = (
    "<script>{}</script>",
    "<ScRiPt>{}</sCrIpT>",
    "<script\n>{}</script >",
    "<script/x>{}</script>",
    "<<script>{}//<</script>",
    "</style><script>{}</script>",
    "</title><script>{}</script>",
    "</textarea><script>{}</script>",
    "</pre></code><script>{}</script>",
    "</td></tr></table><script>{}</script>",
    "</svg><script>{}</script>",
    "<svg><script>{}</script></svg>",
    "<svg/onload={}>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<svg><set onbegin={} attributeName=x>",
    "<svg><a xlink:href='javascript:{}'><text>x</text></a></svg>",
    "<svg><foreignObject><img src=x onerror={}></foreignObject></svg>",
    "<img src=x onerror={}>",
    "<img src=x onerror='{}'>",
    '<img src=x onerror="{}">',
    "<img/src=x/onerror={}>",
    "<img src onerror={}>",
    "<image src=x onerror={}>",
    "<body onload={}>",
    "<body onpageshow={}>",
    "<iframe src='javascript:parent.{}'></iframe>",
    "<iframe srcdoc='<script>parent.{}</script>'></iframe>",
    "<object data='javascript:{}'></object>",
    "<embed src='javascript:{}'>",
    "<video><source onerror={}></video>",
    "<audio src=x onerror={}>",
    "<details open ontoggle={}>",
    "<input autofocus onfocus={}>",
    "<select autofocus onfocus={}>",
    "<textarea autofocus onfocus={}>",
    "<marquee onstart={}>",
    "<meter onmouseover={}>0</meter>",
    "<math><mi href='javascript:{}'>x</mi></math>",
    "<form action='javascript:{}'><button autofocus>x</button></form>",
    "<isindex action='javascript:{}' type=image>",
    "<link rel=stylesheet href='javascript:{}'>",
    "<link rel=import href='data:text/html,<script>{}</script>'>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    '<meta http-equiv=Content-Security-Policy content="script-src *"><script>{}</script>',
    "<base href='javascript:{}//'>",
    "<style>@import 'javascript:{}';</style>",
    "<style>*{{animation:x}}@keyframes x{{}}</style><p onanimationstart={}>",
    "<div style='background:url(javascript:{})'>",
    "<x onclick={} tabindex=1 autofocus onfocus={}>",
    "<a href='javascript:{}' autofocus>x</a>",
    "<noscript><p title='</noscript><img src=x onerror={}>'>",
    "<template><script>{}</script></template>",
    "<xmp><p title='</xmp><svg/onload={}>'>",
    "<!--><script>{}</script>-->",
    "<![CDATA[><script>{}</script>]]>",
    "<?xml version='1.0'?><script>{}</script>",
    "<!DOCTYPE x [<!ENTITY e '{}'>]>&e;",
)
_BREAKS: Final = (
    '"><script>{}</script>',
    "'><script>{}</script>",
    '" onmouseover={} x="',
    "' onfocus={} autofocus x='",
    '" autofocus tabindex=0 onfocus={} x="',
    "`onerror={}`",
    '"/><svg/onload={}>',
    "'/><svg/onload={}>",
    "--><script>{}</script>",
    "]]><script>{}</script>",
    "*/</style><script>{}</script>/*",
    '";{};//',
    "';{};//",
    '\\";{};//',
    "</script><script>{}</script>",
    "${{{}}}",
    "`${{{}}}`",
    "javascript:{}",
    "JaVaScRiPt:{}",
    "java\tscript:{}",
    "data:text/html,<script>{}</script>",
    "data:image/svg+xml,<svg onload={}/>",
    "vbscript:{}",
    "%3Cscript%3E{}%3C/script%3E",
    "&lt;script&gt;{}&lt;/script&gt;",
    "&#60;script&#62;{}&#60;/script&#62;",
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "\\x3cscript\\x3e{}\\x3c/script\\x3e",
    "+ADw-script+AD4-{}+ADw-/script+AD4-",
    "\u2028{}\u2029",
    "\x00<script>{}</script>",
    "\x0c<svg/onload={}>",
    "\u202e<script>{}</script>",
    "＜script＞{}＜/script＞",
    "\ufeff<script>{}</script>",
)
_PLAIN: Final = (
    "{{ 7 * 7 }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{{ page.__class__ }}",
    "{# gone #}",
    "$\\frac{1}{0}$",
    "$unclosed",
    '=HYPERLINK("http://127.0.0.1/x","y")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "../../etc/passwd",
    "#top",
    "?x=1&y=2#z",
    "http://127.0.0.1:9/leak.png",
    "//127.0.0.1:9/leak.js",
    "<img src=//127.0.0.1:9/leak.png>",
    "url(//127.0.0.1:9/leak.css)",
    "a" * 3000,
    "z̷̢a̸l̵g̶o̴" * 20,
    "مرحبا",
    "数据集 \U0001f4a5",
    " ",
    "\r\n\t",
    "%s %d {0} {name}",
)
PAYLOADS: Final = (*(t.replace("{}", _CALL) for t in (*_TAGS, *_BREAKS)), *_PLAIN)

# Each tries to be a place elsewhere, where a name is made part of a path.
NAMES: Final = (
    *("..", "../evil", "../../evil", "../../../../../../tmp/evil", "a/../../evil", "./../evil"),
    *("/evil", "//evil", "/var/evil", "/proc/self/cwd/../evil", "~", "~/evil", "~root/evil"),
    *("..\\evil", "\\evil", "\\\\host\\evil", "C:\\evil", "C:evil", "c:/evil", "\\\\?\\C:\\evil"),
    *("file:///evil", "file:../evil", "http://127.0.0.1:9/evil", "evil?mode=memory", "evil#x"),
    *(
        "a\x00b",
        "\x00",
        "../evil\x00.toml",
        "evil\x00/../../x",
        "a\nb",
        "a\rb",
        "\x1b[2Jevil",
        "\x7f",
    ),
    *("%2e%2e/evil", "%2e%2e%2fevil", "..%2fevil", "..%c0%afevil", "%00", "$HOME/evil", "${PWD}"),
    *("$(touch evil)", "`touch evil`", "; touch evil", "| touch evil", "&& touch evil", "evil &"),
    *("-rf", "--out=../evil", "--help", "-", "--", "@evil", "*", "?", "[a-z]", "{a,b}", "!evil"),
    *("con", "nul", "aux.toml", "evil.", "evil ", " ", "", ".", "...", "....//evil"),
    *("․․/evil", "‥/evil", "．．/evil", "..／evil", "..∕evil", "..⁄evil", "..＼evil", "⁒evil"),
    *("gr\u0456d", "g\u200brid", "\u202eevil", "\ufeffgrid", "e\u0301vil", "ｍlp", "mlр", "bаtch"),
    *(
        "\ud800evil",
        "\udcffevil",
        "a" * 300,
        "a/" * 200 + "evil",
        "../" * 300 + "evil",
        "\U0001f4a5",
    ),
    *("__import__('os')", "suite.run:main", "os:system", "batch:1e9", "ghost:-1", "group:../evil"),
)


def write_hostile_store(path: Path) -> Path:
    """Write a store in which every free text is one of the payloads."""
    protocol = Protocol(budget=Budget(epochs=1))

    def name(i: int) -> str:
        return PAYLOADS[i % len(PAYLOADS)]

    planned = []
    for i in range(len(PAYLOADS)):
        for norm in ("none", "batch", name(i + 5)):
            condition = Condition(
                dataset=name(i),
                model=name(i + 1),
                norm=norm,
                batch_size=64,
                learning_rate=1e-3,
                optimizer=name(i + 2),
                init=name(i + 3),
            )
            trial = Trial(
                condition=condition,
                seed=0,
                protocol=protocol,
                device=name(i + 4),
                data_fingerprint="f",
                code_version="c",
            )
            planned.append(("grid" if i % 2 else name(i), trial))
    studies = [("grid", name(0)), *((name(i), name(i + 1)) for i in range(0, len(PAYLOADS), 2))]
    with StoreWriter(path) as store:
        run = store.begin_run(
            "2025-01-01T00:00:00+00:00",
            {
                "command": list(PAYLOADS),
                "grid": {"name": name(0), "title": name(1)},
                "datasets": {p: name(i + 1) for i, p in enumerate(PAYLOADS[:20])},
                "notices": list(PAYLOADS),
                "environment": {p: {"x": p} for p in PAYLOADS},
            },
            studies,
            planned,
        )
        store.add(run, [_result(trial, i) for i, (_, trial) in enumerate(planned)])
        store.finish_run(run, "2025-01-01T01:00:00+00:00")
    return path


def _result(trial: Trial, i: int) -> TrialResult:
    if i % 7 == 0:
        return TrialResult(trial=trial, status="failed", reason=PAYLOADS[i % len(PAYLOADS)] + "!")
    return TrialResult(
        trial=trial,
        status="ok",
        outcomes=(
            Outcome("steps", 100),
            Outcome("test_accuracy", 0.9 + i / 1e4),
            Outcome("validation_accuracy", 0.9),
            Outcome("steps_to_target", 50.0 + i, "0.90"),
        ),
        curves=(Curve("validation_accuracy", (0, 50, 100), (0.1, 0.5, 0.9)),),
    )
