// SPDX-License-Identifier: GPL-2.0-or-later
//
// page.js NAME SCRIPT PAGE: one claim about the page of snitch.sh, by its script or by a page in jsdom, which snitch-page has
// made. Exits with 1, and says why, if it does not hold.
"use strict";

const assert = require("assert");
const fs = require("fs");

const [, , claim, scriptFile, pageFile] = process.argv;
const page = require(scriptFile);
const countries = { DE: [51, 10, "Germany"], FR: [47, 2, "France"], US: [40, -99, "United States"] };

let index = 0;
const remote = (more = {}) => ({ index: index++, address: "192.0.2.1", port: 443, direction: "egress", protocol: "tcp", process: "curl", pid: 1,
	pids: 1, connections: 1, open: 0, failed: 0, sent: 10, received: 20, ...more });

// --- in a document ----------------------------------------------------------------------------------

// The page as a browser has it; `live` gets its source of events.
function open(live) {
	const { JSDOM, VirtualConsole } = require("jsdom");
	const problems = [], console = new VirtualConsole();

	console.on("jsdomError", error => problems.push(error));
	const dom = new JSDOM(fs.readFileSync(pageFile, "utf8"), { runScripts: "dangerously", pretendToBeVisual: true, virtualConsole: console,
		url: "http://127.0.0.1:1/token/", beforeParse(window) {
			window.EventSource = class extends window.EventTarget {
				constructor(url) { super(); this.url = url; live && live(this); }
				close() { this.isClosed = true; }
			};
		} });
	assert.deepStrictEqual(problems, []);
	const { document } = dom.window;
	return { window: dom.window, document, $: id => document.getElementById(id), rows: () => [...document.querySelectorAll("#rows tr")],
		marks: () => [...document.querySelectorAll("#marks > g")], frame: () => new Promise(done => dom.window.setTimeout(done, 50)),
		press: (element, key) => element.dispatchEvent(new dom.window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })) };
}

const texts = elements => elements.map(element => element.textContent);

// --- claims ------------------------------------------------------------------------------------------

const claims = {
	projection() {
		// The upper corners of the outline that world.mjs has made by d3-geo, in tenths; it stops at the pole.
		const outline = /id="sphere"[^>]* d="m(\d+) (\d+)l(\d+) 0/.exec(fs.readFileSync(pageFile, "utf8"));
		const [x, y, width] = outline.slice(1).map(v => v / 10);

		for (const [at, expected] of [[[90, -180], [x, y]], [[90, 180], [x + 2 * width, y]], [[0, 0], [480, 245]]])
			page.project(at).forEach((v, i) => assert(Math.abs(v - expected[i]) < 0.1, `${at}: ${page.project(at)}, not ${expected}`));
	},

	arcs() {
		const cuts = d => d.split("M").length - 1;

		assert.strictEqual(cuts(page.arc([52, 13], [40, -74])), 1);
		assert.strictEqual(cuts(page.arc([35, 139], [34, -118])), 2); // over the edge of the map
		assert.strictEqual(page.arc([52, 13], [52, 13]), "");
	},

	text() {
		assert.strictEqual(page.shown("a\u202eb\u001b[31m\u2066\u200f"), "a<U+202E>b<U+001B>[31m<U+2066><U+200F>");
		assert.strictEqual(page.shown("a\u{e0041}b\u3164\u180e"), "a<U+E0041>b<U+3164><U+180E>");
		assert.strictEqual(page.shown("Zürich 東京"), "Zürich 東京");
		assert.deepStrictEqual([0, 1023, 1024, 10240, 1e9, undefined].map(page.bytes), ["0 B", "1023 B", "1.0 KiB", "10 KiB", "954 MiB", ""]);
		assert.strictEqual(page.endpoint(remote({ address: "2001:db8::1" })), "[2001:db8::1]:443");
		assert.strictEqual(page.endpoint(remote({ direction: "ingress" })), "192.0.2.1");
	},

	results() {
		const told = [{}, { open: 1 }, { connections: 3, open: 2 }, { failed: 1 }, { connections: 5, failed: 2 }];

		assert.deepStrictEqual(told.map(one => page.result(remote(one))), ["closed", "open", "2 open", "failed", "failed 2 of 5"]);
	},

	places() {
		const told = [{ country: "DE" }, { country: "DE", city: "Bonn" }, { local: "this machine", country: "DE" }, {}, { country: "QQ" },
			{ country: "constructor" }];

		assert.deepStrictEqual(told.map(one => page.place(remote(one), countries)),
			["Germany", "Bonn, Germany", "this machine", "not known", "QQ", "constructor"]);
		assert.deepStrictEqual(told.map(one => page.point(remote(one), countries)), [[51, 10], [51, 10], null, null, null, null]);
		assert.deepStrictEqual(page.point(remote({ at: [1, 2], country: "DE" }), countries), [1, 2]);
	},

	order() {
		const list = [remote({ address: "10.0.0.1", sent: 5 }), remote({ address: "9.0.0.1", sent: 100 }), remote({ address: "9.0.0.1", sent: 20, port: 80 })];
		const by = (what, down) => page.sorted(list, what, down, countries).map(one => list.indexOf(one));

		assert.deepStrictEqual(by("sent"), [0, 2, 1]);
		assert.deepStrictEqual(by("sent", true), [1, 2, 0]);
		assert.deepStrictEqual(by("remote"), [2, 1, 0]);
		assert.deepStrictEqual(by("process", true), [0, 1, 2]); // equal ones stay as they came
	},

	filter() {
		const one = remote({ name: "www.Example.org", process: "Firefox", country: "DE", error: "ETIMEDOUT", failed: 1 });
		const finds = text => page.matches(one, text.toLowerCase().split(" "), countries);

		assert.deepStrictEqual(["example", "firefox germany", "192.0.2", ":443", "etimedout", "chrome", "firefox france"].map(finds),
			[true, true, true, true, true, false, false]);
	},

	// Nothing lies under something else, nothing is lost, and zooming in takes marks apart.
	marks() {
		const list = [remote({ country: "DE" }), remote({ country: "DE" }), remote({ country: "FR", sent: 1e6 }), remote({ country: "US" }),
			remote({ local: "this machine" })];
		const spots = near => page.marks(list, near, countries);

		assert.deepStrictEqual(spots(1).map(mark => [mark.key, mark.remotes.length]).sort(), [["DE", 2], ["FR", 1], ["US", 1]]);
		const far = spots(60).find(mark => mark.key === "FR");
		assert.deepStrictEqual([far.spots, far.remotes.length, far.weight], [2, 3, 1e6 + 20 + 60]);
	},

	crowd() {
		const list = Array.from({ length: 5000 }, (_, i) => remote({ at: [(i * 37 % 160) - 80 + i / 1e4, (i * 91 % 360) - 180] }));
		const onMap = page.marks(list, 13, countries);

		assert.strictEqual(onMap.reduce((sum, mark) => sum + mark.remotes.length, 0), 5000);
		onMap.forEach((a, i) => onMap.slice(i + 1).forEach(b => assert(Math.hypot(a.xy[0] - b.xy[0], a.xy[1] - b.xy[1]) >= 13)));
	},

	// What the page of the test has: see the test.
	async table() {
		const { document, $, rows, window, frame } = open();

		assert.strictEqual($("counts").textContent, "3 remotes, 2 countries, 3 connections, 1 failed, 30 B sent, 5.9 KiB received");
		assert.deepStrictEqual(rows().map(row => texts([...row.children])), [
			["1.0.0.7:443tcp", "", "Australia", "onepid 7, user.slice", "10 B", "2.9 KiB", "closed"],
			["8.8.8.8:443tcp", "dns.example", "United States", "twopid 7, user.slice", "10 B", "2.0 KiB", "open"],
			["10.0.0.1:443tcp", "", "local network", "<b>three</b>pid 7, user.slice", "10 B", "1000 B", "failedECONNREFUSED"],
		]);
		assert.strictEqual(document.querySelector("#rows b"), null);
		assert.strictEqual(document.querySelector(".nameless"), null);
		const heading = document.querySelector("th[data-by=process]");
		heading.firstChild.click();
		await frame();
		assert.deepStrictEqual(texts(rows().map(row => row.children[3].firstChild)), ["<b>three</b>", "one", "two"]);
		assert.strictEqual(heading.getAttribute("aria-sort"), "ascending");
		$("filter").value = "states";
		$("filter").dispatchEvent(new window.Event("input"));
		await frame();
		assert.deepStrictEqual([rows().length, $("page-of").textContent], [1, "1–1 of 1"]);
	},

	// By hover, by click, and by keys.
	async both() {
		const { document, $, rows, marks, window, frame, press } = open();
		const lit = () => [rows(), marks()].map(list => list.filter(one => one.classList.contains("lit")).length);

		assert.strictEqual(marks().length, 2);
		rows()[0].dispatchEvent(new window.MouseEvent("mouseenter"));
		assert.deepStrictEqual(lit(), [1, 1]);
		rows()[0].dispatchEvent(new window.MouseEvent("mouseleave"));
		assert.deepStrictEqual(lit(), [0, 0]);
		const west = document.querySelector("#marks > g[tabindex='0']");
		assert.match(west.getAttribute("aria-label"), /^United States: 1 remote, 2\.0 KiB$/);
		west.focus();
		assert.deepStrictEqual(lit(), [1, 1]);
		press(west, "ArrowRight");
		assert.match(document.activeElement.getAttribute("aria-label"), /^Australia/);
		press(document.activeElement, "Enter");
		await frame();
		assert.deepStrictEqual([rows().length, $("chosen").textContent, $("chosen").hidden], [1, "Australia ×", false]);
		$("chosen").click();
		await frame();
		assert.strictEqual(rows().length, 3);
		press($("map"), "+");
		assert.notStrictEqual($("map").getAttribute("viewBox").split(" ")[2], "960.00");
		press($("map"), "0");
		assert.strictEqual($("map").getAttribute("viewBox").split(" ")[2], "960.00");
		rows()[0].focus();
		press(rows()[0], "ArrowDown");
		assert.strictEqual(document.activeElement, rows()[1]);
	},

	many() {
		const { document, window, rows, $ } = open();

		assert.deepStrictEqual([rows().length, $("page-of").textContent], [100, "1–100 of 5,000"]);
		for (const cell of [document.querySelector("th[data-by=name]"), rows()[0].children[1]])
			assert.strictEqual(window.getComputedStyle(cell).display, "none"); // nobody has one
	},

	geo() {
		const { $ } = open();

		assert.match($("guess").textContent, /^Places are guesses: countries of .*\/geo, licence: see its supplier\.$/);
		assert.strictEqual($("unknown").hidden, true);
	},

	nowhere() {
		const { $, rows, marks } = open();

		assert.match($("unknown").textContent, /^Places are not known/);
		assert.deepStrictEqual([$("unknown").hidden, rows().length, marks().length], [false, 3, 0]);
	},

	async live() {
		let source;
		const { $, rows, frame, window } = open(events => source = events);
		const tell = told => source.onmessage({ data: JSON.stringify(told) });

		assert.strictEqual(source.url, "events");
		source.onopen();
		assert.strictEqual($("state").textContent, "live");
		tell({ remotes: [remote({ index: 0, open: 1 })] });
		await frame();
		tell({ remotes: [remote({ index: 0, sent: 5000 }), remote({ index: 1, process: "dig" })], lost: "3 events were lost" });
		await frame();
		assert.deepStrictEqual(rows().map(row => row.children[4].textContent), ["4.9 KiB", "10 B"]);
		assert.strictEqual($("lost").textContent, "Not all is here: 3 events were lost");
		source.dispatchEvent(new window.Event("end"));
		assert.deepStrictEqual([source.isClosed, $("state").textContent], [true, "the watching has ended"]);
	},
};

Promise.resolve().then(claims[claim]).then(() => process.exit(0), error => {
	console.error(error.message);
	process.exit(1);
});
