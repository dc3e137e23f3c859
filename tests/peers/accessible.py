"""What people meet who do not see the page, or do not see it well: names, and contrast."""

import sys

FOCUSABLE = {"link", "button", "combobox", "textbox", "checkbox"}

# The ratio that WCAG 2.2 asks of text of usual size (1.4.3, level AA).
CONTRAST = 4.5

# Of each element with text of its own: that text and its contrast with the background that it stands on. Backgrounds
# that are partly clear are left to what is below them; text over pictures is not looked at.
CONTRASTS = """
    const rgb = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const part = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const [r, g, b, a = 1] = rgb(getComputedStyle(at).backgroundColor);
        if (a === 1) return [r, g, b];
      }
      return [255, 255, 255];
    };
    const says = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll("body *")]
      .filter((element) => says(element) && element.checkVisibility() && !element.closest(".picture, :disabled"))
      .map((element) => {
        const [a, b] = [rgb(getComputedStyle(element).color), ground(element)].map(light);
        return [element.textContent.trim().slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
      })"""


def told(page):
    """Role and name of all that is told to who does not see the page."""
    nodes = [node for node in page.cdp("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes]


def has(page, role, name):
    """Ends the program unless something on the page is told as this."""
    if (role, name) not in told(page):
        sys.exit(f"nothing is told as {role} {name!r}: {told(page)}")


def check(page):
    """Ends the program unless whatever can be used has a name of its own, and all text a contrast that can be read."""
    nodes = told(page)
    used = [one for one in nodes if one[0] in FOCUSABLE]
    if not used or any(not name for _, name in used) or len(set(used)) < len(used):
        sys.exit(f"not each has a name of its own: {used}")
    if any(not name for role, name in nodes if role in ("img", "image", "article", "dialog", "region", "heading", "application")):
        sys.exit(f"something has no name: {nodes}")
    low = [(text, ratio) for text, ratio in page.run(CONTRASTS) if ratio < CONTRAST]
    if low:
        sys.exit(f"too little contrast: {low}")
