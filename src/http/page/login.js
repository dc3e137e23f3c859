// The page to log in: takes a token once; the board then gives this browser a cookie, and the token is not kept.

import { setText } from "/format.js";

const PAGES = ["/", "/camera"];

const element = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("next");

/** Opens the page that was asked for, or the one that the token is for. */
function enter({ roles, cameras }) {
  const has = (...wanted) => roles.some((role) => wanted.includes(role));
  const reachable = PAGES.filter((page) => (page === "/" ? !cameras && has("view", "control", "admin") : has("send", "admin")));
  const page = reachable.includes(asked) ? asked : reachable[0];
  if (page) return location.replace(page);
  // A token for single cameras sees these, and no page with all of them.
  element("login").hidden = element("hint").hidden = true;
  setText(element("login-title"), "Cameras");
  element("cameras").replaceChildren(...cameras.map((name) => {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("a"), { href: `/cameras/${name}/live.mjpg`, textContent: name }));
    return item;
  }));
}

async function logIn(event) {
  event.preventDefault();
  element("submit").disabled = true;
  setText(element("problem"), "");
  try {
    const body = JSON.stringify({ token: element("token").value });
    const response = await fetch("/api/login", { method: "POST", body, headers: { "Content-Type": "application/json" } });
    if (response.ok) return enter(await response.json());
    setText(element("problem"), (await response.text()).trim());
  } catch {
    setText(element("problem"), "The board does not answer. Try again.");
  } finally {
    element("submit").disabled = false;
  }
}

element("login").addEventListener("submit", logIn);
// A browser that followed a link from another site does not send its cookie with that, but with this.
const session = await (await fetch("/api/session")).json().catch(() => undefined);
if (session?.roles.length > 0) enter(session);
