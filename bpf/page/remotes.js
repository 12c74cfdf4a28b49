// SPDX-License-Identifier: GPL-2.0-or-later
"use strict";

// What the page does without a document: words, places, order. page.js follows in the same script.

// A remote is as remotes.c tells of it: index, address, port, protocol, direction, name, process, pid, pids, unit,
// connections, open, failed, error, sent, received, and where it is: country and city, at (latitude and longitude), or
// local. All text in it is somebody else's, and is shown through shown() and textContent only.

const PI = Math.PI, DEGREE = PI / 180;

// Natural Earth I: T. Jenny, B. Patterson, L. Hurni, "A Flex Projector map", 2008; the polynomial is that of d3-geo.
// The size is that of world.mjs.
const SCALE = 170.83916044866066, MIDDLE = [480, 245];

function project([latitude, longitude]) {
	const x = longitude * DEGREE, y = latitude * DEGREE, y2 = y * y, y4 = y2 * y2;

	return [
		MIDDLE[0] + SCALE * x * (0.8707 - 0.131979 * y2 + y4 * (-0.013791 + y4 * (0.003971 * y2 - 0.001529 * y4))),
		MIDDLE[1] - SCALE * y * (1.007226 + y2 * (0.015085 + y4 * (-0.044475 + 0.028874 * y2 - 0.005916 * y4))),
	];
}

function vector([latitude, longitude]) {
	const y = latitude * DEGREE, x = longitude * DEGREE;

	return [Math.cos(y) * Math.cos(x), Math.cos(y) * Math.sin(x), Math.sin(y)];
}

// The shortest way on the globe, as a path of SVG; "" if there is none to be seen. It is cut where the map is.
function arc(from, to) {
	const STEPS = 48, a = vector(from), b = vector(to);
	const angle = Math.acos(Math.min(1, Math.max(-1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2])));
	let d = "", last = null;

	if (angle < 0.002)
		return "";
	for (let i = 0; i <= STEPS; i++) {
		const s = Math.sin((1 - i / STEPS) * angle) / Math.sin(angle), t = Math.sin(i / STEPS * angle) / Math.sin(angle);
		const [x, y, z] = [0, 1, 2].map(k => s * a[k] + t * b[k]);
		const latitude = Math.atan2(z, Math.hypot(x, y)) / DEGREE, longitude = Math.atan2(y, x) / DEGREE;
		const isCut = last !== null && Math.abs(longitude - last) > 180;
		const [px, py] = project([latitude, longitude]);

		d += (i && !isCut ? "L" : "M") + px.toFixed(1) + "," + py.toFixed(1);
		last = longitude;
	}
	return d;
}

function bytes(count) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let unit = 0;

	if (!(count >= 0))
		return "";
	for (; count >= 1024 && unit < units.length - 1; unit++)
		count /= 1024;
	return (unit && count < 10 ? count.toFixed(1) : Math.round(count)) + " " + units[unit];
}

const count = number => number.toLocaleString("en");
const several = (number, one, more) => count(number) + " " + (number === 1 ? one : more || one + "s");

// What would act instead of being seen, or cannot be seen: controls, what turns the direction of writing, fillers of Hangul.
function shown(text) {
	return String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu,
		c => "<U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + ">");
}

// As in 2026-01-31 23:59:59 UTC.
const moment = time => shown(time).replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");

function endpoint(remote) {
	const address = remote.address.includes(":") ? "[" + remote.address + "]" : remote.address;

	return shown(address) + (remote.direction === "egress" ? ":" + remote.port : "");
}

function place(remote, countries) {
	const country = Object.hasOwn(countries, remote.country) ? countries[remote.country][2] : shown(remote.country);

	if (remote.local)
		return shown(remote.local);
	return country && remote.city ? shown(remote.city) + ", " + country : country || "not known";
}

function result(remote) {
	if (remote.failed)
		return remote.failed < remote.connections ? "failed " + count(remote.failed) + " of " + count(remote.connections) : "failed";
	return remote.open ? (remote.open < remote.connections ? count(remote.open) + " open" : "open") : "closed";
}

// Where it is on the map, or nothing.
function point(remote, countries) {
	if (Array.isArray(remote.at))
		return remote.at;
	return !remote.local && Object.hasOwn(countries, remote.country) ? countries[remote.country].slice(0, 2) : null;
}

// Numbers before text, text without regard to case, IPv4 addresses by their numbers.
function orderOf(remote, by, countries) {
	switch (by) {
	case "sent":
	case "received":
		return remote[by];
	case "remote":
		return remote.address.replace(/\d+/g, digits => digits.padStart(3, "0")) + " " + String(remote.port).padStart(5, "0");
	case "place":
		return place(remote, countries).toLowerCase();
	case "result":
		return (remote.failed ? "0" : "1") + result(remote) + shown(remote.error);
	default:
		return String(remote[by] ?? "").toLowerCase();
	}
}

function sorted(remotes, by, down, countries) {
	const order = new Map(remotes.map(remote => [remote, orderOf(remote, by, countries)]));

	return [...remotes].sort((a, b) => {
		const x = order.get(a), y = order.get(b);

		return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1) || a.index - b.index;
	});
}

// Each word has to be somewhere in the row. The text is kept until more is told of it.
function matches(remote, words, countries) {
	if (!words.length)
		return true;
	remote.text ||= [endpoint(remote), remote.name, place(remote, countries), remote.country, remote.process, remote.pid, remote.unit,
		remote.protocol, remote.direction, result(remote), remote.error].join("\n").toLowerCase();

	return words.every(word => remote.text.includes(word));
}

// Remotes of one place are one spot, and spots nearer than `near` are one mark, at the heaviest of them: nothing lies
// under something else, and zooming in takes marks apart.
function marks(remotes, near, countries) {
	const spots = new Map(), cells = new Map(), out = [];

	for (const remote of remotes) {
		const at = point(remote, countries);

		if (!at)
			continue;
		const key = remote.at ? at.join() : remote.country;
		const spot = spots.get(key) || { key, at, xy: project(at), weight: 0, vague: !remote.at, remotes: [] };
		spot.weight += remote.sent + remote.received;
		spot.remotes.push(remote);
		spots.set(key, spot);
	}
	for (const spot of [...spots.values()].sort((a, b) => b.weight - a.weight || a.xy[0] - b.xy[0])) {
		const [column, row] = spot.xy.map(v => Math.floor(v / near));
		let mark = null;

		for (let c = column - 1; c <= column + 1; c++)
			for (let r = row - 1; r <= row + 1; r++)
				for (const other of cells.get(c + "," + r) || [])
					if (Math.hypot(other.xy[0] - spot.xy[0], other.xy[1] - spot.xy[1]) < near)
						mark ||= other;
		if (!mark) {
			mark = { key: spot.key, at: spot.at, xy: spot.xy, weight: 0, vague: spot.vague, spots: 0, remotes: [] };
			out.push(mark);
			cells.set(column + "," + row, [...cells.get(column + "," + row) || [], mark]);
		}
		mark.spots++;
		mark.weight += spot.weight;
		mark.remotes.push(...spot.remotes);
	}
	return out;
}

const sum = (list, what) => list.reduce((total, one) => total + one[what], 0);
const radius = weight => Math.min(16, 3.5 + 0.9 * Math.log2(1 + weight / 2048));

// For tests.
if (typeof document === "undefined")
	module.exports = { arc, bytes, endpoint, marks, matches, place, point, project, radius, result, shown, sorted };
