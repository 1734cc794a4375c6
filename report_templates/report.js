// Tables that sort and filter. Everything is there and readable without it.
(() => {
  "use strict";
  const number = (text) => (text.trim() === "" ? NaN : Number(text));
  const value = (row, column) => {
    let cell = null, place = 0; // a cell may span columns
    for (const candidate of row.cells) {
      if (place <= column) cell = candidate;
      place += candidate.colSpan;
    }
    return cell ? cell.dataset.sort ?? cell.textContent.trim() : "";
  };
  const compare = (a, b) => {
    const x = number(a), y = number(b);
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return a.localeCompare(b, "en", { numeric: true });
  };
  const rows = (body) => [...body.rows].filter((row) => !row.classList.contains("group"));

  const sort = (table, header, column) => {
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const sign = ascending ? 1 : -1;
    for (const body of table.tBodies) {
      const ordered = rows(body).map((row, place) => ({ row, place, key: value(row, column) }));
      ordered.sort((a, b) => {
        if ((a.key === "") !== (b.key === "")) return a.key === "" ? 1 : -1; // empty last, either way
        return sign * compare(a.key, b.key) || a.place - b.place;
      });
      body.append(...ordered.map((item) => item.row));
    }
  };

  const filter = (table) => {
    const box = document.createElement("div");
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    const all = [...table.tBodies].flatMap(rows);
    const noun = table.dataset.noun ?? "row";
    box.className = "filter";
    input.type = "search";
    label.append("Filter", input);
    count.setAttribute("aria-live", "polite");
    box.append(label, count);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of all) {
        const text = row.textContent.toLowerCase().replaceAll("\u00a0", " ");
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      for (const body of table.tBodies) {
        const group = body.querySelector(".group");
        if (group) group.hidden = rows(body).every((row) => row.hidden);
      }
      count.textContent = words.length ? `${shown} of ${all.length} ${noun}s` : "";
    });
    const frame = table.closest(".scroll") ?? table;
    frame.before(box);
  };

  for (const table of document.querySelectorAll("table[data-enhance]")) {
    const wanted = table.dataset.enhance.split(" ");
    if (wanted.includes("sort")) {
      let place = 0;
      for (const header of table.tHead.rows[0].cells) {
        const column = place;
        place += header.colSpan;
        if (header.classList.contains("plain")) continue;
        const button = document.createElement("button");
        button.type = "button";
        button.append(...header.childNodes);
        button.addEventListener("click", () => sort(table, header, column));
        header.append(button);
      }
    }
    if (wanted.includes("filter") && [...table.tBodies].flatMap(rows).length > 3) filter(table);
  }

  // A link to a place inside a closed part opens it; printing opens all.
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      opened.push(part);
    }
  });
  addEventListener("afterprint", () => {
    while (opened.length) opened.pop().open = false;
  });
})();
