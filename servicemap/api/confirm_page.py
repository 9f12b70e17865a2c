"""确认页: what a village's post opens in WeChat. It holds no data and no secret; both come by its own requests.

One page for all links, made of this file alone: nothing is loaded from elsewhere, and its policy lets
nothing run but what stands here.
"""

import base64
import hashlib

from flask import Response
from flask_smorest import Blueprint

# no StrictBlueprint: WeChat adds parameters of its own to what is shared
blp = Blueprint("confirm_page", __name__, description="村里用手机确认")

STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { margin: 0; background: #f3f5f7; color: #1c2430; -webkit-text-size-adjust: 100%;
  font: 18px/1.55 -apple-system, "PingFang SC", "HarmonyOS Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif }
main { max-width: 560px; margin: 0 auto; padding: 20px 16px 40px }
h1 { margin: 0; font-size: 24px; line-height: 1.35 }
.lead { margin: 6px 0 16px; color: #4a5565 }
.mark { background: #fff4d6; border-radius: 8px; padding: 8px 12px; margin: 0 0 14px; color: #6b4e00 }
.card { background: #fff; border-radius: 14px; padding: 18px 16px 16px; margin: 0 0 16px; box-shadow: 0 1px 3px rgba(16, 24, 40, .1) }
h2 { margin: 0 0 2px; font-size: 21px; line-height: 1.35; overflow-wrap: anywhere }
.kind { margin: 0 0 10px; color: #4a5565; font-size: 16px }
dl { margin: 0 0 14px; border-top: 1px solid #e6e9ee }
dl div { display: flex; padding: 9px 0; border-bottom: 1px solid #e6e9ee }
dt { flex: 0 0 5.2em; color: #4a5565 }
dd { margin: 0; flex: 1; font-weight: 600; overflow-wrap: anywhere }
dd.none { color: #9a3412; font-weight: 400 }
button { display: block; width: 100%; min-height: 56px; border-radius: 12px; border: 0; padding: 10px 14px; font: inherit; font-size: 20px; font-weight: 600 }
.yes { background: #0b7a43; color: #fff }
.no { background: #fff; color: #9a3412; border: 2px solid #d6a08a; margin-top: 10px; font-size: 18px; min-height: 50px }
.send { background: #9a3412; color: #fff; margin-top: 10px }
button:disabled { opacity: .55 }
button:focus-visible, textarea:focus-visible { outline: 3px solid #1d4ed8; outline-offset: 2px }
label { display: block; margin: 12px 0 6px; font-weight: 600 }
textarea { width: 100%; min-height: 76px; padding: 10px 12px; border: 2px solid #98a2b3; border-radius: 10px; font: inherit; resize: vertical }
.said { margin: 4px 0 0; padding: 12px; border-radius: 10px; font-weight: 600 }
.said.right { background: #e3f6ea; color: #075e33 }
.said.wrong { background: #fdeee7; color: #7c2d12 }
.error { margin: 10px 0 0; color: #b42318; font-weight: 600 }
.foot { color: #4a5565; font-size: 15px }
[hidden] { display: none }
"""

SCRIPT = """
(function () {
  var secret = location.hash.slice(1).split(/[?&]/)[0];
  var main = document.querySelector("main"), title = document.querySelector("h1"), lead = document.querySelector(".lead");
  var base = location.pathname.replace(/\\/c\\/([^\\/]+)\\/?$/, "/api/v1/confirmations/$1/");
  function make(tag, kind, text, into) {
    var node = document.createElement(tag);
    if (kind) node.className = kind;
    if (text) node.textContent = text;
    if (into) into.appendChild(node);
    return node;
  }
  function ask(path, body, done, failed) {
    var request = new XMLHttpRequest();
    body.secret = secret;
    request.open("POST", base + path);
    request.setRequestHeader("Content-Type", "application/json");
    request.timeout = 20000;
    request.onload = function () {
      var answer = {};
      try { answer = JSON.parse(request.responseText); } catch (error) { answer = {}; }
      if (request.status >= 200 && request.status < 300) done(answer);
      else failed(answer.detail || "服务器没有回答，请稍后再试", answer.code);
    };
    request.onerror = request.ontimeout = function () { failed("网络不通，没有送到；请再按一次"); };
    request.send(JSON.stringify(body));
  }
  function stop(words) { title.textContent = "打不开"; lead.textContent = words; }
  function left() {
    var count = main.querySelectorAll(".card:not(.done)").length;
    lead.textContent = count ? "登记的对不对？每处按一下，还有 " + count + " 处。" : "全部答好了，谢谢！可以关掉这一页。";
  }
  function said(card, how) {
    card.className = "card done";
    card.querySelector(".answer").textContent = "";
    make("p", "said " + how, how === "right" ? "✓ 已确认：都对" : "已告诉镇（街道）：有不对的", card.querySelector(".answer"))
      .setAttribute("role", "status");
    left();
  }
  function line(list, name, value, missing) {
    var row = make("div", "", "", list);
    make("dt", "", name, row);
    make("dd", value ? "" : "none", value || missing, row);
  }
  function show(place) {
    var card = make("section", "card", "", main);
    make("h2", "", place.name, card);
    make("p", "kind", place.types.join("、") + (place.suspended ? "（登记为暂停）" : ""), card);
    var list = make("dl", "", "", card);
    line(list, "开放时间", place.hours, "没有登记");
    line(list, "电话", place.phone, place.phone_hidden ? "登记了，不公开" : "没有登记");
    if (place.address) line(list, "地址", place.address);
    var answer = make("div", "answer", "", card);
    if (place.answered) return said(card, place.answered);
    var yes = make("button", "yes", place.suspended ? "都对" : "都对，仍在开放", answer);
    var no = make("button", "no", "有不对的，或已经关了", answer);
    var more = make("div", "", "", answer);
    more.hidden = true;
    var label = make("label", "", "哪里不对？一句话就行", more);
    var words = make("textarea", "", "", more);
    label.htmlFor = words.id = "wrong-" + place.code;
    words.maxLength = 200;
    words.placeholder = "例如：周末也开；电话换成了 3360000；已经关了";
    var send = make("button", "send", "发给镇（街道）", more);
    var error = make("p", "error", "", answer);
    error.setAttribute("role", "alert");
    error.hidden = true;
    function tell(body, how) {
      yes.disabled = no.disabled = send.disabled = true;
      error.hidden = true;
      body.code = place.code;
      ask("answers", body, function () { said(card, how); }, function (words) {
        yes.disabled = no.disabled = send.disabled = false;
        error.textContent = words;
        error.hidden = false;
      });
    }
    yes.onclick = function () { tell({}, "right"); };
    no.onclick = function () { more.hidden = false; no.hidden = true; words.focus(); };
    send.onclick = function () {
      if (words.value.trim()) tell({ wrong: words.value.replace(/\\s+/g, " ").trim() }, "wrong");
      else words.focus();
    };
  }
  if (!secret) return stop("链接不完整：请从镇（街道）发来的消息里重新点开，不要手抄。");
  ask("places", {}, function (answer) {
    title.textContent = answer.division_name;
    if (answer.demo) main.insertBefore(make("p", "mark", "示例：这些服务点都是虚构的"), lead.nextSibling);
    answer.places.forEach(show);
    if (answer.places.length) left();
    else lead.textContent = "这里没有登记的服务点，不用确认。";
    make("p", "foot", "每处一天答一次。这个链接只能做这件事，用到 " + answer.expires_on + " 之前。请勿转发。", main);
  }, stop);
})();
"""


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


POLICY = (
    f"default-src 'none'; script-src 'sha256-{_hash(SCRIPT)}'; style-src 'sha256-{_hash(STYLE)}';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = f"""<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="format-detection" content="telephone=no">
<meta name="robots" content="noindex">
<title>确认服务点</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>请稍等…</h1>
<p class="lead" aria-live="polite"></p>
<noscript>请用微信或手机自带的浏览器打开。</noscript>
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


@blp.get("/c/<code:public_id>")
@blp.response(200, {"type": "string"}, content_type="text/html", description="确认页")
def open_page(public_id: str) -> Response:
    """确认页：同一页给所有链接用；链接里 # 后面的一段不会发给服务器，由页面放在请求内容里"""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response(PAGE, mimetype="text/html", headers=headers)
