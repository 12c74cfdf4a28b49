// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is seen, and what a pointer and keys do. remotes.js comes before it in the same script.

function start() {
	const ROWS = 100, FULL = [0, 0, 960, 424], CLOSEST = 40, NEAR = 13;
	const $ = id => document.getElementById(id);
	const countries = JSON.parse($("countries").textContent), about = JSON.parse($("data").textContent);
	const remotes = new Map();
	const view = { box: [...FULL], by: "received", down: true, words: [], chosen: null, first: 0, list: [], marks: new Map() };
	const due = new Set(); // what is to be shown anew in the next frame: head, map, list

	const bodyOf = $("rows");
	// What a narrow screen's layout takes away from a table.
	document.querySelector("table").setAttribute("role", "table");
	for (const [selector, role] of [["thead, tbody", "rowgroup"], ["thead tr", "row"], ["thead th", "columnheader"]])
		document.querySelectorAll("table " + selector).forEach(e => e.setAttribute("role", role));

	function make(parent, name, attributes = {}, text) {
		const element = document.createElementNS(parent.namespaceURI, name);

		for (const [key, value] of Object.entries(attributes))
			element.setAttribute(key, value);
		if (text !== undefined)
			element.textContent = text;
		parent.append(element);
		return element;
	}

	// --- rows

	const titles = [...document.querySelectorAll("thead th")].map(th => th.textContent);

	function rowMake(remote) {
		const row = document.createElementNS(bodyOf.namespaceURI, "tr");

		row.setAttribute("role", "row");
		row.tabIndex = -1;
		for (const [i, title] of titles.entries()) {
			const cell = make(row, i ? "td" : "th", i ? { role: "cell", "data-title": title } : { role: "rowheader", scope: "row" });

			if (i === 4 || i === 5)
				cell.className = "number";
			if (i === 6)
				cell.className = "result";
			cell.append(document.createTextNode(""));
			if ([0, 3, 6].includes(i))
				make(cell, "small");
		}
		row.addEventListener("mouseenter", () => light(remote, true));
		row.addEventListener("mouseleave", () => light(remote, false));
		row.addEventListener("focus", () => light(remote, true));
		row.addEventListener("blur", () => light(remote, false));
		row.addEventListener("dblclick", () => showOnMap(remote));
		row.addEventListener("keydown", event => rowKey(event, remote));
		return row;
	}

	function cellFill(cell, text, more) {
		cell.firstChild.data = text;
		cell.title = text;
		if (cell.lastChild !== cell.firstChild)
			cell.lastChild.textContent = more || "";
	}

	function rowFill(remote) {
		const [where, name, spot, process, sent, received, end] = remote.row.children;
		const unit = shown(remote.unit), pid = remote.pid ? "pid " + remote.pid + (remote.pids > 1 ? " and others" : "") : "";

		cellFill(where, endpoint(remote), shown(remote.protocol) + (remote.direction === "ingress" ? " to port " + remote.port + " here" : ""));
		cellFill(name, shown(remote.name));
		cellFill(spot, place(remote, countries));
		cellFill(process, shown(remote.process) || "not known", [pid, unit].filter(Boolean).join(", "));
		cellFill(sent, bytes(remote.sent));
		cellFill(received, bytes(remote.received));
		cellFill(end, result(remote), shown(remote.error) || (remote.connections > 1 ? several(remote.connections, "connection") : ""));
		remote.row.classList.toggle("failed", remote.failed > 0);
	}

	function rowKey(event, remote) {
		const next = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];

		if (event.key === "Enter")
			showOnMap(remote);
		else if (next && remote.row[next])
			remote.row[next].focus();
		else
			return;
		event.preventDefault();
	}

	function listMake() {
		const { words, chosen } = view;

		return sorted([...remotes.values()].filter(remote => (!chosen || chosen.has(remote.index)) && matches(remote, words, countries)),
			view.by, view.down, countries);
	}

	function listShow() {
		const isHeld = bodyOf.matches(":hover") || bodyOf.contains(document.activeElement);

		// Rows do not move under the pointer, nor under who reads them.
		if (!isHeld || view.isAsked) {
			view.list = listMake();
			view.first = Math.min(view.first, Math.max(0, Math.floor((view.list.length - 1) / ROWS) * ROWS));
			view.isAsked = false;
			const page = view.list.slice(view.first, view.first + ROWS);
			for (const remote of page)
				remote.row ||= rowMake(remote);
			bodyOf.replaceChildren(...page.map(remote => remote.row));
			page.forEach((remote, i) => remote.row.tabIndex = i ? -1 : 0);
		}
		view.list.slice(view.first, view.first + ROWS).forEach(rowFill);
		document.querySelector("table").classList.toggle("nameless", ![...remotes.values()].some(remote => remote.name));
		const last = Math.min(view.first + ROWS, view.list.length);
		$("page-of").textContent = view.list.length ? count(view.first + 1) + "–" + count(last) + " of " + count(view.list.length) : "none";
		$("before").disabled = !view.first;
		$("after").disabled = last >= view.list.length;
	}

	// --- map

	const map = $("map"), zoomed = () => view.box[2] / FULL[2];

	function markMake(mark) {
		const g = make($("marks"), "g", { role: "button", tabindex: -1 });
		const { key } = mark;

		for (const name of ["dot", "ring", "halo", "area"])
			make(g, "circle", { class: name });
		make(g, "path", { class: "cross" });
		make(g, "text");
		make(g, "title");
		g.addEventListener("mouseenter", () => lightMark(key, true));
		g.addEventListener("mouseleave", () => lightMark(key, false));
		g.addEventListener("focus", () => lightMark(key, true));
		g.addEventListener("blur", () => lightMark(key, false));
		g.addEventListener("click", event => event.detail < 2 && choose(key));
		g.addEventListener("keydown", event => markKey(event, key));
		return g;
	}

	function markText(mark) {
		if (mark.text)
			return mark.text;
		const names = [...new Set(mark.remotes.map(remote => place(remote, countries)))], failed = sum(mark.remotes, "failed");

		return mark.text = names.slice(0, 3).join("; ") + (names.length > 3 ? " and " + several(names.length - 3, "other place") : "") + ": " +
			several(mark.remotes.length, "remote") + ", " + bytes(mark.weight) + (failed ? ", " + count(failed) + " failed" : "");
	}

	function markDraw(mark, g) {
		const [dot, ring, halo, area, cross, text, title] = g.children, z = zoomed(), r = radius(mark.weight);
		const connections = sum(mark.remotes, "connections"), failed = sum(mark.remotes, "failed"), isDead = failed === connections;

		g.setAttribute("transform", `translate(${mark.xy.map(v => v.toFixed(2)).join()}) scale(${z.toFixed(4)})`);
		g.setAttribute("aria-label", markText(mark));
		title.textContent = markText(mark);
		dot.setAttribute("class", mark.vague ? "dot vague" : "dot");
		dot.setAttribute("r", isDead ? 0 : r);
		ring.setAttribute("r", failed && !isDead ? r + 2.5 : 0);
		halo.setAttribute("r", r + 5);
		area.setAttribute("r", Math.max(r, 9));
		cross.setAttribute("d", isDead ? "M-4,-4L4,4M4,-4L-4,4" : "");
		text.textContent = mark.spots > 1 ? mark.spots : "";
		text.setAttribute("font-size", 8);
		text.setAttribute("y", isDead ? -10 : 0);
	}

	function arcDraw(mark, path) {
		const isDead = mark.remotes.every(remote => remote.failed === remote.connections);

		path.setAttribute("d", about.home ? arc(about.home, mark.at) : "");
		path.setAttribute("class", isDead ? "failed" : "");
	}

	function mapShow() {
		const drawn = new Map(), onMap = marks(listForMap(), NEAR * zoomed(), countries);

		for (const mark of onMap) {
			const old = view.marks.get(mark.key);

			mark.g = old ? old.g : markMake(mark);
			mark.path = old ? old.path : make($("arcs"), "path");
			markDraw(mark, mark.g);
			arcDraw(mark, mark.path);
			drawn.set(mark.key, mark);
			view.marks.delete(mark.key);
		}
		for (const mark of view.marks.values()) {
			mark.g.remove();
			mark.path.remove();
		}
		view.marks = drawn;
		view.across = onMap.sort((a, b) => a.xy[0] - b.xy[0]);
		const first = view.across.find(mark => mark.g === document.activeElement) || view.across[0];
		view.across.forEach(mark => mark.g.setAttribute("tabindex", mark === first ? 0 : -1));
		landShow(onMap);
	}

	// All that the filter leaves, also when a mark is chosen: the others are still to be seen.
	function listForMap() {
		return [...remotes.values()].filter(remote => matches(remote, view.words, countries));
	}

	function landShow(onMap) {
		const used = new Set(onMap.flatMap(mark => mark.remotes.map(remote => remote.country)));

		for (const path of $("land").children)
			path.classList.toggle("hit", used.has(path.dataset.c));
	}

	function homeShow() {
		const old = $("home"), z = zoomed();

		if (!about.home)
			return;
		const home = old || make($("arcs"), "path", { id: "home", d: "M0,-6l5,6l-5,6l-5,-6z" });
		home.setAttribute("transform", `translate(${project(about.home).join()}) scale(${z})`);
	}

	function boxSet(x, y, width) {
		const w = Math.min(FULL[2], Math.max(CLOSEST, width)), h = w * FULL[3] / FULL[2], isZoom = w !== view.box[2];

		view.box = [Math.min(FULL[2] - w, Math.max(0, x)), Math.min(FULL[3] - h, Math.max(0, y)), w, h];
		map.setAttribute("viewBox", view.box.map(v => v.toFixed(2)).join(" "));
		$("in").disabled = w <= CLOSEST;
		$("out").disabled = $("whole").disabled = w >= FULL[2];
		if (isZoom) {
			homeShow();
			want("map");
		}
	}

	function zoomAt([x, y], factor) {
		const width = Math.min(FULL[2], Math.max(CLOSEST, view.box[2] * factor)), k = width / view.box[2];

		boxSet(x - (x - view.box[0]) * k, y - (y - view.box[1]) * k, width);
	}

	const centre = () => [view.box[0] + view.box[2] / 2, view.box[1] + view.box[3] / 2];

	function onPaper(event) {
		const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());

		return [p.x, p.y];
	}

	function showOnMap(remote) {
		const at = point(remote, countries);

		if (!at)
			return;
		const [x, y] = project(at), width = Math.min(view.box[2], 240);
		boxSet(x - width / 2, y - width * FULL[3] / FULL[2] / 2, width);
	}

	function mapKey(event) {
		const step = view.box[2] / 8, [x, y, w] = view.box;
		const does = {
			"+": () => zoomAt(centre(), 0.7), "=": () => zoomAt(centre(), 0.7), "-": () => zoomAt(centre(), 1.4),
			0: () => boxSet(...FULL), ArrowLeft: () => boxSet(x - step, y, w), ArrowRight: () => boxSet(x + step, y, w),
			ArrowUp: () => boxSet(x, y - step, w), ArrowDown: () => boxSet(x, y + step, w),
		}[event.key];

		if (!does || event.ctrlKey || event.altKey || event.metaKey)
			return;
		does();
		event.preventDefault();
	}

	function markKey(event, key) {
		const at = view.across.findIndex(mark => mark.key === key), step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];

		if (event.key === "Enter" || event.key === " ")
			choose(key);
		else if (event.key === "Escape")
			choose(null);
		else if (step)
			view.across[(at + step + view.across.length) % view.across.length].g.focus();
		else
			return;
		event.preventDefault();
		event.stopPropagation();
	}

	// Fingers and the mouse: one moves the map, two zoom.
	const held = new Map();

	function pointerMove(event) {
		const before = held.get(event.pointerId);

		if (!before)
			return;
		const others = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at), now = onPaper(event);
		if (others.length) {
			const gap = at => Math.hypot(at[0] - others[0][0], at[1] - others[0][1]);
			zoomAt(others[0], gap(before) / Math.max(1e-3, gap(now)));
		} else {
			boxSet(view.box[0] + before[0] - now[0], view.box[1] + before[1] - now[1], view.box[2]);
		}
		held.set(event.pointerId, onPaper(event));
		map.classList.add("held");
	}

	function pointerEnd(event) {
		held.delete(event.pointerId);
		map.classList.remove("held");
	}

	// --- both together

	function lightMark(key, on) {
		const mark = view.marks.get(key);

		if (!mark)
			return;
		mark.g.classList.toggle("lit", on);
		mark.path.classList.toggle("lit", on);
		for (const remote of mark.remotes)
			if (remote.row)
				remote.row.classList.toggle("lit", on);
	}

	function light(remote, on) {
		const mark = [...view.marks.values()].find(one => one.remotes.includes(remote));

		remote.row.classList.toggle("lit", on);
		if (!mark)
			return;
		mark.g.classList.toggle("lit", on);
		mark.path.classList.toggle("lit", on);
	}

	// What lies at a mark is what the list has, until it is let go.
	function choose(key) {
		const mark = key && view.marks.get(key);

		view.chosen = mark ? new Set(mark.remotes.map(remote => remote.index)) : null;
		$("chosen").hidden = !mark;
		$("chosen").textContent = mark ? markText(mark).replace(/:.*/, "") + " ×" : "";
		$("chosen").setAttribute("aria-label", mark ? "Show all, not only " + markText(mark) : "");
		asked();
	}

	function asked() {
		view.first = 0;
		view.isAsked = true;
		want("map", "list");
	}

	function headShow() {
		const all = [...remotes.values()], nations = new Set(all.map(remote => remote.country).filter(Boolean)), failed = sum(all, "failed");
		const parts = [several(all.length, "remote"), several(nations.size, "country", "countries"), several(sum(all, "connections"), "connection")];

		if (failed)
			parts.push(count(failed) + " failed");
		parts.push(bytes(sum(all, "sent")) + " sent", bytes(sum(all, "received")) + " received");
		$("counts").textContent = parts.join(", ");
		$("span").textContent = about.from ? moment(about.from) + " to " + moment(about.to) : "";
		$("lost").hidden = !about.lost;
		$("lost").textContent = about.lost ? "Not all is here: " + shown(about.lost) : "";
	}

	const shows = { head: headShow, map: mapShow, list: listShow };

	function show() {
		for (const part of due)
			shows[part]();
		due.clear();
	}

	function want(...parts) {
		if (!due.size)
			requestAnimationFrame(show);
		parts.forEach(part => due.add(part));
	}

	function take(told) {
		for (const remote of told.remotes || [])
			remotes.set(remote.index, Object.assign(remotes.get(remote.index) || {}, remote, { text: "" }));
		for (const what of ["from", "to", "lost"])
			if (told[what])
				about[what] = told[what];
	}

	// --- events

	document.querySelectorAll("thead th").forEach(th => th.firstChild.addEventListener("click", () => {
		const { by } = th.dataset;

		view.down = view.by === by ? !view.down : by === "sent" || by === "received";
		view.by = by;
		document.querySelectorAll("thead th").forEach(other => other.removeAttribute("aria-sort"));
		th.setAttribute("aria-sort", view.down ? "descending" : "ascending");
		asked();
	}));
	document.querySelector(`th[data-by=${view.by}]`).setAttribute("aria-sort", "descending");
	$("filter").addEventListener("input", () => {
		view.words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
		asked();
	});
	$("tools").addEventListener("submit", event => event.preventDefault());
	$("chosen").addEventListener("click", () => choose(null));
	for (const [id, step] of [["before", -ROWS], ["after", ROWS]])
		$(id).addEventListener("click", () => {
			const { first } = view;

			asked();
			view.first = Math.max(0, first + step);
			$("scroll").scrollTop = 0;
		});
	$("in").addEventListener("click", () => zoomAt(centre(), 0.6));
	$("out").addEventListener("click", () => zoomAt(centre(), 1 / 0.6));
	$("whole").addEventListener("click", () => boxSet(...FULL));
	map.addEventListener("keydown", mapKey);
	map.addEventListener("wheel", event => {
		event.preventDefault();
		zoomAt(onPaper(event), event.deltaY > 0 ? 1.25 : 0.8);
	}, { passive: false });
	map.addEventListener("pointerdown", event => held.set(event.pointerId, onPaper(event)));
	window.addEventListener("pointermove", pointerMove);
	window.addEventListener("pointerup", pointerEnd);
	window.addEventListener("pointercancel", pointerEnd);

	// --- what is told

	function follow() {
		const events = new EventSource("events");

		const state = (on, text) => {
			$("state").classList.toggle("on", on);
			$("state").textContent = text;
		};
		events.onopen = () => state(true, "live");
		events.onerror = () => state(false, "not connected, trying again");
		events.onmessage = message => {
			take(JSON.parse(message.data));
			want("head", "map", "list");
		};
		events.addEventListener("end", () => {
			events.close();
			state(false, "the watching has ended");
		});
	}

	$("guess").textContent = about.geo ? "Places are guesses: " + shown(about.geo.what) + " of " + shown(about.geo.name) + ", " + shown(about.geo.licence) + "." : "Places are not known.";
	$("unknown").hidden = Boolean(about.geo);
	$("unknown").textContent = about.geo ? "" : "Places are not known: there is no database of addresses (install tor-geoipdb, or say --geo FILE). The table is complete.";
	$("state").textContent = about.live ? "connecting" : "report";
	take(about);
	boxSet(...FULL);
	homeShow();
	want("head", "map", "list");
	show();
	if (about.live)
		follow();
}

start();
