(() => {
  "use strict";
  const NOTHING = "\u2013";
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  document.documentElement.classList.add("js");

  for (const head of all("[data-list] th[scope=col], .sort")) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.sort = "";
    button.append(...head.childNodes);
    head.append(button);
  }

  for (const id of all(".id")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.setAttribute("aria-label", `Copy ${id.textContent}`);
    id.append(button);
  }

  const cells = (item) => item.cells || (item.querySelector(":scope > summary .line, :scope > .line") || item).children;
  const value = (item, column) => {
    const cell = cells(item)[column];
    const text = cell ? (cell.dataset.v ?? cell.textContent).trim() : "";
    const figures = text.replaceAll(/[,$%\s\u2265]/g, "");
    const number = figures === "" ? NaN : Number(figures);
    return { text: text === NOTHING ? "" : text, number };
  };
  const compared = (a, b) => {
    if (!a.text || !b.text) return (a.text ? 0 : 1) - (b.text ? 0 : 1);
    return null;
  };
  const sort = (button) => {
    const list = button.closest("[data-list]");
    const head = button.parentElement;
    const items = list.querySelector("[data-items]");
    const column = Array.from(head.parentElement.children).indexOf(head);
    const down = button.dataset.sort !== "descending";
    const sign = down ? -1 : 1;
    const keyed = Array.from(items.children, (item) => [value(item, column), item]);
    keyed.sort(([a], [b]) => {
      const empty = compared(a, b);
      if (empty !== null) return empty;
      if (!Number.isNaN(a.number) && !Number.isNaN(b.number)) return sign * (a.number - b.number);
      return sign * a.text.localeCompare(b.text);
    });
    all("[data-sort]", list).forEach((other) => {
      other.dataset.sort = "";
      other.parentElement.removeAttribute("aria-sort");
    });
    button.dataset.sort = down ? "descending" : "ascending";
    if (head.tagName === "TH") head.setAttribute("aria-sort", button.dataset.sort);
    items.append(...keyed.map(([, item]) => item));
  };

  const find = (field) => {
    const list = field.closest("[data-list]");
    const typed = field.value.trim();
    const short = typed.length > 9 && !typed.includes(" ") ? `${typed.slice(0, 4)}\u2026${typed.slice(-4)}` : typed;
    const wanted = [typed.toLowerCase(), short.toLowerCase()];
    let left = 0;
    for (const item of list.querySelector("[data-items]").children) {
      const text = item.textContent.toLowerCase();
      item.hidden = !wanted.some((each) => text.includes(each));
      left += item.hidden ? 0 : 1;
    }
    list.querySelector("[data-found]").textContent = left.toLocaleString("en");
  };

  const copied = (button) => {
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1200);
  };
  const copy = (button) => {
    const of = button.previousElementSibling;
    const text = of.title || decodeURIComponent(of.href.split("/").pop());
    if (navigator.clipboard) {
      navigator.clipboard.writeText(text).then(() => copied(button), () => byHand(button, text));
    } else {
      byHand(button, text);
    }
  };
  const byHand = (button, text) => {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    if (document.execCommand("copy")) copied(button);
    area.remove();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const link = event.target.closest("a[href^=http]");
    if (link) link.target = "_blank";
    if (!button) return;
    if (button.classList.contains("copy")) copy(button);
    else if ("sort" in button.dataset) sort(button);
  });
  document.addEventListener("input", (event) => {
    if ("find" in event.target.dataset) find(event.target);
  });
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
