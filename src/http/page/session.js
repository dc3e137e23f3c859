// The login of this browser: shows the button that ends it, if there is one.

/** Leaves a page whose login is over for the page to log in. */
export function leave() {
  location.assign(location.pathname === "/" ? "/login" : `/login?next=${location.pathname}`);
}

const button = document.getElementById("logout");
button.addEventListener("click", async () => {
  const response = await fetch("/api/logout", { method: "POST" }).catch(() => undefined);
  if (response?.ok) leave();
});
const response = await fetch("/api/session").catch(() => undefined);
const session = response?.ok ? await response.json() : { roles: [] };
button.hidden = !session.token;

/** Whether this client may change what the board does. */
export const mayControl = session.roles.some((role) => role === "control" || role === "admin");
