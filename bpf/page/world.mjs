// SPDX-License-Identifier: GPL-2.0-or-later
//
// world.mjs - makes world.paths and countries.json, which are kept: a build needs neither node nor a network.
//
//	npm install world-atlas@2.0.2 d3-geo@3.1.2 topojson-client@3.1.0 topojson-simplify@3.0.3
//	node world.mjs
//
// Input: Natural Earth's countries, 1:50m, as world-atlas packs them; names, and places of what is too small to be on
// that map, from the time zone database (zone.tab, iso3166.tab); the numbers of ISO 3166-1 from Debian's iso-codes.
// Both the map and the time zone database are in the public domain.
import { readFileSync, writeFileSync } from "fs";
import { createRequire } from "module";
import { feature } from "topojson-client";
import { geoArea, geoCentroid, geoNaturalEarth1, geoPath } from "d3-geo";
import { presimplify, quantile, simplify } from "topojson-simplify";

const WIDTH = 960, HEIGHT = 490; // of the sphere; page.js has the same
const KEPT = 0.15; // share of detail that is left out: below it, coasts are jagged at the largest zoom
const ANTARCTICA = "010"; // a third of the height, and no hosts

const atlas = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("world-atlas/countries-50m.json")));
const iso = JSON.parse(readFileSync("/usr/share/iso-codes/json/iso_3166-1.json"))["3166-1"];
const table = file => readFileSync("/usr/share/zoneinfo/" + file, "utf8").split("\n")
	.filter(line => line && !line.startsWith("#")).map(line => line.split("\t"));
const names = new Map(table("iso3166.tab"));
const codes = new Map(iso.map(country => [country.numeric, country.alpha_2]));
const codeOf = shape => codes.get(shape.id) || (shape.properties.name === "Kosovo" ? "XK" : undefined);

const projection = geoNaturalEarth1().fitExtent([[2, 2], [WIDTH - 2, HEIGHT - 2]], { type: "Sphere" });
const path = geoPath(projection).digits(1);

// "Mx,yLx,y...Z" to relative whole tenths of a pixel: half the size.
function relative(d) {
	let out = "", cx = 0, cy = 0;

	for (const ring of d.split("M").slice(1)) {
		const points = ring.replace("Z", "").split("L").map(p => p.split(",").map(v => Math.round(v * 10)));
		const [sx, sy] = points[0];
		let lines = "", count = 0, [px, py] = points[0];

		for (const [x, y] of points.slice(1)) {
			const dx = x - px, dy = y - py;

			if (!dx && !dy)
				continue;
			count++;
			lines += (lines && dx >= 0 ? " " : "") + dx + (dy >= 0 ? " " : "") + dy;
			[px, py] = [x, y];
		}
		if (count < 2)
			continue;
		out += "m" + (sx - cx) + (sy - cy >= 0 ? " " : "") + (sy - cy) + "l" + lines + "z";
		[cx, cy] = [sx, sy];
	}
	return out;
}

// The middle of a country's largest part: that of all of France lies in Spain.
function middle(geometry) {
	const parts = geometry.type === "MultiPolygon"
		? geometry.coordinates.map(coordinates => ({ type: "Polygon", coordinates })) : [geometry];

	return geoCentroid(parts.reduce((a, b) => (geoArea(b) > geoArea(a) ? b : a)));
}

// As in +404251-0740023: degrees, minutes, and perhaps seconds.
function degrees(text) {
	const [, sign, d, m, s] = /^([+-])(\d{2,3})(\d\d)(\d\d)?$/.exec(text);

	return (sign === "-" ? -1 : 1) * (+d + m / 60 + (s || 0) / 3600);
}

function shapes() {
	const weighed = presimplify(atlas);

	return feature(simplify(weighed, quantile(weighed, KEPT)), atlas.objects.countries).features
		.filter(shape => shape.id !== ANTARCTICA)
		.map(shape => [codeOf(shape), relative(path(shape) || "")])
		.filter(([, d]) => d)
		.map(([code, d]) => `<path${code ? ` data-c="${code}"` : ""} d="${d}"/>\n`);
}

function places() {
	const out = { XK: [0, 0, "Kosovo"] };

	for (const [code, , zone] of [...table("zone.tab")].reverse()) {
		const [lat, lon] = /^([+-]\d+)([+-]\d+)$/.exec(table("zone.tab").find(row => row[2] === zone)[1]).slice(1).map(degrees);
		out[code] = [lat, lon, names.get(code)];
	}
	for (const shape of feature(atlas, atlas.objects.countries).features) {
		const code = codeOf(shape);

		if (!out[code] || out[code].drawn)
			continue;
		const [lon, lat] = middle(shape.geometry);
		out[code] = Object.assign([lat, lon, out[code][2]], { drawn: true });
	}
	return out;
}

const rows = Object.entries(places()).sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync("countries.json", "{\n" + rows.map(([code, [lat, lon, name]]) =>
	`"${code}":[${lat.toFixed(2)},${lon.toFixed(2)},${JSON.stringify(name)}]`).join(",\n") + "\n}\n");
writeFileSync("world.paths", shapes().join(""));
console.log("sphere", relative(path({ type: "Sphere" })));
console.log("scale", projection.scale(), "translate", projection.translate());
