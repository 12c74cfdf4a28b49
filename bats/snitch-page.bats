#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The page of snitch.sh: a file or a server, of what happens or of what was recorded; without privileges, whatever it is given.
# vm: ^live: (the page is served|the page has no)|^html: what
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031,SC2153

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin
	port_take
	FOLDER=$BATS_TEST_TMPDIR
	RECORDING=$FOLDER/recording
	HTML=$FOLDER/page.html
	chmod 755 "$FOLDER" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
}
teardown() { test_end; }

# event KIND ADDRESS [JQ]: a line of a recording, of a connection to ADDRESS; JQ changes it.
event() {
	jq -cn --arg kind "$1" --arg address "$2" '{
		event: $kind, time: "2026-01-31T10:00:00.000000Z", connection: 1, direction: "egress", protocol: "tcp",
		netns: {cookie: 1, name: null}, local: {address: "198.51.100.9", port: 40000},
		remote: {address: $address, port: 443}, process: {pid: 7, comm: "curl", uid: 0, unit: "user.slice"},
		duration_ns: 1, sent: 10, received: 2000, retransmits: 0, rtt_us: null, error: null } '"${3:+| $3}"
}

# page WORD...: of the recording, into $HTML, without a database if WORDs name none; what it knows goes to $output.
page() {
	case " $* " in
	*' --geo '*) ;;
	*) set -- --geo none "$@" ;;
	esac
	run -0 --separate-stderr snitch page "$RECORDING" --html "$HTML" "$@"
	output=$(data)
}

# data: the JSON that is in the page.
data() {
	sed -n 's|.*<script type="application/json" id="data">\(.*\)</script>$|\1|p' "$HTML"
}

# geo_make: a database as tor-geoipdb has it: two nets, one of each family.
geo_make() {
	printf '%s\n' '# a text' 16777216,16777471,AU 134744064,134744319,US '2001:4860::,2001:4860:ffff:ffff:ffff:ffff:ffff:ffff,??' \
		'2a00:1450::,2a00:1450:ffff:ffff:ffff:ffff:ffff:ffff,IE' >"$FOLDER/geo"
}

# --- of a recording ------------------------------------------------------------------------------

@test "a recording becomes a page: connections are summed by remote and process, each byte once" {
	{
		event connected 192.0.2.7 '.sent = 0 | .received = 0'
		event traffic 192.0.2.7 '.sent = 5 | .received = 50'
		event traffic 192.0.2.7 '.sent = 9 | .received = 500'
		event ended 192.0.2.7 '.ended_by = "local" | .reset = false'
		event connected 192.0.2.7 '.connection = 2 | .sent = 1'
		event failed 192.0.2.7 '.connection = null | .error = "ECONNREFUSED" | .sent = 0 | .received = 0'
		event connected 192.0.2.7 '.connection = 3 | .process.comm = "wget"'
		event traffic 192.0.2.7 '.connection = 3 | .process.comm = "wget" | .sent = 11'
		event ended 192.0.2.7 '.connection = 3 | .process.comm = "wget" | .sent = 11 | .reset = true'
	} >"$RECORDING"
	page
	assert_equal "$(jq -r '.remotes[] | [.process, .connections, .open, .failed, .error, .sent, .received] | join(" ")' <<<"$output" | sort)" \
		"$(printf '%s\n' 'curl 3 1 1 ECONNREFUSED 11 4000' 'wget 1 0 1 reset 11 2000')"
	assert_equal "$stderr" ''
}

@test "a connection that gets to another process stays in its row; a number that comes again is another connection" {
	{
		event traffic 192.0.2.7 '.process.comm = "a" | .sent = 5 | .received = 50'
		event accepted 192.0.2.7 '.process.comm = "b" | .sent = 5 | .received = 50'
		event ended 192.0.2.7 '.process.comm = "b"'
		event connected 192.0.2.8 '.connection = 2'
		event connected 192.0.2.9 '.connection = 2'
	} >"$RECORDING"
	page
	assert_equal "$(jq -r '.remotes[] | [.address, .process, .connections, .open, .sent, .received] | join(" ")' <<<"$output")" \
		"$(printf '%s\n' '192.0.2.7 a 1 0 10 2000' '192.0.2.8 curl 1 0 10 2000' '192.0.2.9 curl 1 1 10 2000')"
}

@test "the page is one file below 500 kB that names no other, with a policy that lets it ask nobody" {
	event connected 192.0.2.7 >"$RECORDING"
	page
	assert [ "$(stat -c %s "$HTML")" -lt 500000 ]
	run -1 grep -oE '(src|href)="[^#d][^"]*"|url\(|@import|https?:[^"]*\.(js|css|png)' "$HTML"
	assert_output ''
	run -0 grep -o 'Content-Security-Policy" content="[^"]*"' "$HTML"
	assert_output --partial "default-src 'none'"
	assert_output --partial "connect-src 'none'"
	refute_output --partial unsafe
}

# hashes: those of the page's script and style as they stand, in the form that a policy has.
hashes() {
	python3 - "$HTML" <<-'END'
		import base64, hashlib, re, sys
		text = open(sys.argv[1]).read()
		for tag in "script", "style":
		    for inside in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S):
		        print(f"{tag}-src 'sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode() + "'")
	END
}

@test "the policy has the hashes of the page's own script and style" {
	local line

	event connected 192.0.2.7 >"$RECORDING"
	page
	run -0 hashes
	assert_equal "${#lines[@]}" 2
	for line in "${lines[@]}"; do
		grep -qF "$line" "$HTML" || fail "the policy lacks $line"
	done
}

@test "names are data: they end no script and become no markup, whatever bytes they have" {
	local long

	long=$(printf '%10000s' '' | tr ' ' x)
	{
		event connected 192.0.2.1 '.process.comm = "</script><script>alert(1)</script><!--"'
		event connected 192.0.2.2 '.process.comm = "\u001b[31m\u202e" | .connection = 2'
		event connected 192.0.2.3 ".process.unit = \"$long\" | .connection = 3"
		event connected 192.0.2.4 '.process.comm = "BYTE" | .connection = 4' | sed 's/BYTE/a\xff\xc3/'
		event connected 192.0.2.5 '.remote.name = "<img src=x onerror=alert(1)>" | .connection = 5'
	} >"$RECORDING"
	page
	assert_equal "$(jq -r '.remotes | .[0].process, .[3].process, .[4].name' <<<"$output")" \
		"$(printf '%s\n' '</script><script>alert(1)</script><!--' $'a\xef\xbf\xbd\xef\xbf\xbd' '<img src=x onerror=alert(1)>')"
	assert_equal "$(jq -c '.remotes[1].process' <<<"$output")" $'"\\u001b[31m\xe2\x80\xae"'
	assert_equal "$(jq -j '.remotes[2].unit' <<<"$output" | wc -c) $(jq -r '.remotes[2].unit' <<<"$output" | tail -c 4)" '255 …'
	assert_equal "$(jq '.remotes | length' <<<"$output")" 5
	# As many scripts as a page without them has, and none of these words outside of a string.
	assert_equal "$(grep -c '<script' "$HTML") $(grep -c 'onerror=alert' "$HTML")" '3 1'
	run ! grep -q '<img' "$HTML"
}

@test "lines that are no events are counted, and told; the others are taken" {
	{
		event connected 192.0.2.7
		echo '{"event":"connected","remote":'
		echo 'hello'
		event connected 192.0.2.8 '.connection = 2' | tr -d '\n'
		printf '\n%70000s\n' x
		echo '{"event":"tomorrow","what":[1,{"so":true}]}'
		event state 192.0.2.10 '.connection = 9'
		echo '{"event":"lost","events":3,"connections":0}'
		printf '%s' "$(event connected 192.0.2.9 '.connection = 3')"
	} >"$RECORDING"
	page
	assert_equal "$(jq '.remotes | length' <<<"$output")" 3
	assert_equal "$(jq -r .lost <<<"$output")" '3 events were lost, 3 lines were no events'
	assert_equal "$stderr" 'snitch.sh: note: 3 lines were no events of snitch.sh -j'
}

@test "an empty recording, and one that cannot be read" {
	: >"$RECORDING"
	page
	assert_equal "$(jq -c .remotes <<<"$output")" '[]'
	run -1 --separate-stderr snitch page "$FOLDER/none" --html "$HTML"
	assert_equal "$stderr" "snitch.sh: cannot read \"$FOLDER/none\": No such file or directory"
}

@test "bad words are refused in one line, with what is accepted" {
	local words

	: >"$RECORDING"
	while read -r words; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr snitch $words
		assert_equal "$words: $output$(wc -l <<<"$stderr")" "$words: 1"
	done <<-END
		page
		page $RECORDING
		page $RECORDING --html $HTML --live
		page $RECORDING --live 0
		page $RECORDING --html $HTML --failed
		page $RECORDING --html $HTML --home 91,0
		page $RECORDING --html $HTML --home 1
		-n $CLIENT page $RECORDING --html $HTML
		--geo none
		--home 1,2
		-x --live
		list --html $HTML
		tcp --html $HTML
	END
	refute [ -e "$HTML" ]
}

# --- places ---------------------------------------------------------------------------------------

@test "places: countries by a text, this machine and its networks by their addresses" {
	local address

	for address in 1.0.0.7 8.8.8.8 9.9.9.9 2a00:1450::7 2001:4860::1 127.0.0.1 ::1 10.1.2.3 192.168.7.7 172.31.0.1 fe80::1 fd00::1 \
		224.0.0.251 192.0.2.7 198.51.100.9; do
		event failed "$address" '.connection = null'
	done >"$RECORDING"
	geo_make
	page --geo "$FOLDER/geo"
	assert_equal "$(jq -r '.remotes[] | "\(.address) \(.country // .local // "-")"' <<<"$output")" "$(
		cat <<-'END'
			1.0.0.7 AU
			8.8.8.8 US
			9.9.9.9 -
			2a00:1450::7 IE
			2001:4860::1 -
			127.0.0.1 this machine
			::1 this machine
			10.1.2.3 local network
			192.168.7.7 local network
			172.31.0.1 local network
			fe80::1 local network
			fd00::1 local network
			224.0.0.251 multicast
			192.0.2.7 documentation
			198.51.100.9 this machine
		END
	)"
	assert_equal "$(jq -r '.geo.what' <<<"$output")" countries
}

@test "places: towns by a database in MaxMind's format, which the page names with its licence" {
	local address

	for address in 1.0.0.7 8.8.8.8 9.9.9.9 2a00:1450::7 10.0.0.1; do
		event failed "$address" '.connection = null'
	done >"$RECORDING"
	python3 "$TOP/bats/programs/mmdb.py" GeoLite2-City \
		1.0.0.0/24='{"country": {"iso_code": "AU"}, "city": {"names": {"en": "</script>"}}, "location": {"latitude": -33.5, "longitude": 151.25}}' \
		8.8.8.0/24='{"country_code": "US", "city": "Ashburn", "latitude": 39.0, "longitude": 1000.0}' \
		9.9.9.0/24='{"country": {"iso_code": "toolong"}, "location": "nowhere"}' \
		2a00:1450::/32='{"country": {"iso_code": "IE"}}' \
		10.0.0.0/8='{"country": {"iso_code": "US"}}' >"$FOLDER/geo"
	page --geo "$FOLDER/geo"
	assert_equal "$(jq -r '.remotes[] | [.address, .country, .city, (.at | tojson), .local] | join(" ")' <<<"$output")" "$(
		cat <<-'END'
			1.0.0.7 AU </script> [-33.5,151.25] 
			8.8.8.8 US Ashburn null 
			9.9.9.9   null 
			2a00:1450::7 IE  null 
			10.0.0.1   null local network
		END
	)"
	assert_equal "$(jq -r '.geo.name, .geo.licence' <<<"$output")" \
		"$(printf '%s\n' 'GeoLite2 by MaxMind (https://www.maxmind.com)' 'GeoLite2 End User License Agreement')"
	# One that is cut off, or has bytes that are not its own.
	for address in 100 1000 1500; do
		head -c "$address" "$FOLDER/geo" >"$FOLDER/cut"
		run -1 --separate-stderr snitch page "$RECORDING" --html "$HTML" --geo "$FOLDER/cut"
		assert_regex "$stderr" '^snitch.sh: --geo "'
	done
}

@test "no database: the page says so, and the table is complete" {
	event connected 8.8.8.8 >"$RECORDING"
	page
	assert_equal "$(jq -r '.geo, (.remotes | length)' <<<"$output" | xargs)" 'null 1'
}

@test "a database that is none, and one that nobody may read" {
	event connected 8.8.8.8 >"$RECORDING"
	echo nothing >"$FOLDER/geo"
	run -1 --separate-stderr snitch page "$RECORDING" --html "$HTML" --geo "$FOLDER/geo"
	assert_regex "$stderr" "^snitch.sh: --geo \".*/geo\": .*MaxMind's format"
	geo_make
	run -1 --separate-stderr snitch page "$RECORDING" --html "$HTML" --geo "$FOLDER"
	assert_regex "$stderr" '^snitch.sh: --geo ".*": it is not a regular file'
	refute [ -e "$HTML" ]
}

@test "home: where one says, or by the time zone, or nowhere" {
	: >"$RECORDING"
	page --home -33.5,151.25
	assert_equal "$(jq -c .home <<<"$output")" '[-33.5,151.25]'
	TZ=Europe/Berlin page
	assert_equal "$(jq -c .home <<<"$output")" '[52.5,13.367]'
	TZ=Etc/UTC page
	assert_equal "$(jq -c .home <<<"$output")" null
}

# --- in a browser ---------------------------------------------------------------------------------

# holds CLAIM...: of bats/programs/page.js, about the script and $HTML.
holds() {
	local claim

	for claim; do
		NODE_PATH=/usr/share/nodejs node "$TOP/bats/programs/page.js" "$claim" "$TOP/bpf/page/remotes.js" "$HTML" ||
			fail "$claim does not hold"
	done
}

# needs_document: for claims about a document.
needs_document() {
	[ -e /usr/share/nodejs/jsdom ] || skip "needs jsdom where Debian has it (node-jsdom)"
}

# three_remotes: one in Australia, one in the United States, one in the local network, which fails.
three_remotes() {
	event ended 1.0.0.7 '.process.comm = "one" | .received = 3000'
	event connected 8.8.8.8 '.process.comm = "two" | .connection = 2 | .remote.name = "dns.example"'
	event failed 10.0.0.1 '.process.comm = "<b>three</b>" | .connection = null | .error = "ECONNREFUSED" | .received = 1000'
}

@test "the script: projection, arcs, texts, results, places, order, filter, marks" {
	: >"$RECORDING"
	page
	holds projection arcs text results places order filter marks crowd
}

@test "the table: rows as they are told, no markup, sorted and filtered" {
	needs_document
	three_remotes >"$RECORDING"
	geo_make
	page --geo "$FOLDER/geo"
	holds table
}

@test "map and table: a row lights its mark, a mark its rows, by pointer and by keys" {
	needs_document
	three_remotes >"$RECORDING"
	geo_make
	page --geo "$FOLDER/geo"
	holds both geo
}

@test "without a database the map says so" {
	needs_document
	three_remotes >"$RECORDING"
	page
	holds nowhere
}

@test "5000 remotes: a hundred rows at a time" {
	needs_document
	awk 'BEGIN { for (i = 0; i < 5000; i++) printf "{\"event\":\"ended\",\"connection\":%d,\"direction\":\"egress\",\"protocol\":\"tcp\",\"remote\":{\"address\":\"9.%d.%d.1\",\"port\":443},\"process\":{\"pid\":7,\"comm\":\"curl\"},\"sent\":1,\"received\":%d}\n", i + 1, i / 256, i % 256, i }' >"$RECORDING"
	page
	assert_equal "$(jq '.remotes | length' <<<"$output")" 5000
	holds many
}

# --- what happens -----------------------------------------------------------------------------------

# connection_make: from the client to the server, 5000 bytes there and 100 back.
connection_make() {
	start server server "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen accept recv 5000 send 100 eof close
	wait_line server '^listen ok$'
	start client client "$PROGRAMS/tcp" "$SERVER4" "$PORT" connect send 5000 recv 100 close
	wait_line client '^recv 100$'
	finish client
	finish server
}

@test "html: what happens until it ends is in the page, also when the signal is for all of it" {
	local writer

	start here watch "$SNITCH" --port "$PORT" --html "$HTML" --geo none
	busywait 20 grep -qs watching "$BATS_TEST_TMPDIR/watch.err"
	connection_make
	# As Ctrl-C is, for the whole group: those before it have to hear the end.
	writer=$(pgrep -P "$(pid watch)")
	kill -s TERM "$(pgrep -P "$writer" snitch-page)" "$writer"
	stop watch
	assert_equal "$EXIT_STATUS $(output_of watch)" '0 '
	assert_equal "$(data | jq -r '.remotes[] | [.direction, .address, .port, .sent, .received] | join(" ")' | sort)" \
		"$(printf '%s\n' "egress $SERVER4 $PORT 5000 100" "ingress $CLIENT4 $PORT 100 5000")"
}

# is_quiet NAME: it has written something, and nothing more for a while.
is_quiet() {
	local before

	before=$(awk '/^wchar/ { print $2 }' "/proc/$(pid "$1")/io")
	sleep 0.5
	((before > 500)) && [ "$before" = "$(awk '/^wchar/ { print $2 }' "/proc/$(pid "$1")/io")" ]
}

@test "html: killed, it leaves the page of what has happened until then, and nothing else" {
	start here watch "$SNITCH" --port "$PORT" --html "$HTML" --geo none -i 10ms
	busywait 20 grep -qs watching "$BATS_TEST_TMPDIR/watch.err"
	connection_make
	busywait 20 is_quiet watch
	stop watch KILL
	busywait 10 test -e "$HTML"
	assert_equal "$(data | jq '.remotes | length')" 2
	assert_equal "$(find "$FOLDER" -name '.new.*')" ''
}

@test "html: no page where none can be written, and it says so" {
	run -1 --separate-stderr snitch --port "$PORT" --for 100ms --html "$FOLDER/none/page.html" --geo none
	assert_line_of_stderr "snitch.sh: cannot write \"$FOLDER/none/page.html\": No such file or directory"
}

@test "html: a watching that cannot begin leaves the page that is there as it is" {
	echo before >"$HTML"
	mkdir "$FOLDER/objects" # all but that of the programs
	ln -s "$TOP/build/snitch-page" "$FOLDER/objects"
	run -1 --separate-stderr "$TOP/build/vsh" snitch "$FOLDER/objects" --html "$HTML" --geo none
	assert_regex "$stderr" 'snitch\.o'
	assert_equal "$(cat "$HTML") $(find "$FOLDER" -name '.new.*')" 'before '
}

assert_line_of_stderr() {
	grep -qxF -e "$1" <<<"$stderr" || fail "not said: $1; but: $stderr"
}

# live_start WORD...: $ADDRESS is the page's.
live_start() {
	start here live "$SNITCH" --geo none --live "$@"
	busywait 20 grep -qs watching "$BATS_TEST_TMPDIR/live.err"
	wait_line live '^http://127\.0\.0\.1:[0-9]*/[0-9a-f]{32}/$'
	ADDRESS=$(output_of live)
}

# live_port: of $ADDRESS.
live_port() {
	cut -d : -f 3 <<<"$ADDRESS" | cut -d / -f 1
}

# answer CURL-WORD...: the status of an answer.
answer() {
	curl -s -o /dev/null -m 10 -w '%{http_code}' "$@"
}

@test "live: the page is served to who knows its address, and to nobody else" {
	local host

	live_start
	assert_equal "$(answer "$ADDRESS")" 200
	run -0 curl -s -m 10 -D - -o "$HTML" "$ADDRESS"
	assert_output --partial "Content-Security-Policy: default-src 'none'; script-src 'sha256-"
	assert_output --partial "connect-src 'self'"
	assert_output --partial "frame-ancestors 'none'"
	assert_output --partial 'Cache-Control: no-store'
	assert_equal "$(data | jq .live)" true
	# Another token, none, another path.
	assert_equal "$(answer "$(sed -E 's|/[0-9a-f]{32}|/00000000000000000000000000000000|' <<<"$ADDRESS")")" 404
	assert_equal "$(answer "${ADDRESS%/*/}/")" 404
	assert_equal "$(answer "${ADDRESS}other")" 404
	# Another name for here: it could be somebody else's.
	for host in localhost "localhost:$(live_port)" 127.0.0.1 "127.0.0.1:$(($(live_port) - 1))" "evil.example:$(live_port)"; do
		assert_equal "$host $(answer -H "Host: $host" "$ADDRESS")" "$host 421"
	done
	assert_equal "$(answer -H "Host: 127.0.0.1:$(live_port)" "$ADDRESS")" 200
	assert_equal "$(answer -X POST "$ADDRESS")" 405
	stop live
	assert_equal "$EXIT_STATUS" 0
}

@test "live: nobody else serves on its port, and who tries ends and says why" {
	local port

	live_start
	port=$(live_port)
	run -1 --separate-stderr snitch page /dev/null --live "$port" --geo none
	assert_equal "$output $stderr" " snitch.sh: cannot serve on 127.0.0.1, port $port: Address already in use"
	run -1 --separate-stderr snitch --command nobody-else --live "$port" --geo none
	assert_line_of_stderr "snitch.sh: cannot serve on 127.0.0.1, port $port: Address already in use"
	assert_equal "$output" ''
	assert_equal "$(answer "$ADDRESS")" 200
	stop live
}

@test "live: what comes is shown, and the end" {
	needs_document
	live_start
	curl -s -m 10 -o "$HTML" "$ADDRESS"
	stop live
	holds live
}

@test "live: it is on loopback alone" {
	live_start
	run -0 ss -Hltn "sport = :$(live_port)"
	assert_equal "$(awk '{ print $4 }' <<<"$output" | sed 's/:.*//')" 127.0.0.1
	stop live
}

@test "live: what happens is told as it happens, and the end" {
	live_start --port "$PORT"
	start here events curl -sN "${ADDRESS}events"
	connection_make
	wait_line events "^data: .*\"address\":\"$SERVER4\".*\"sent\":5000,\"received\":100"
	stop live
	assert_equal "$EXIT_STATUS" 0
	wait_line events '^event: end$'
	finish events
}

@test "live: the page has no privileges" {
	local pid

	live_start
	pid=$(pgrep -P "$(pid live)" snitch-page)
	assert_equal "$(awk '/^(Uid|Gid|Cap|NoNewPrivs|Seccomp:)/ { print $1, $2, $3 }' "/proc/$pid/status" | sed 's/ $//')" "$(
		cat <<-END
			Uid: $(id -u nobody) $(id -u nobody)
			Gid: $(id -g nobody) $(id -g nobody)
			CapInh: 0000000000000000
			CapPrm: 0000000000000000
			CapEff: 0000000000000000
			CapBnd: 0000000000000000
			CapAmb: 0000000000000000
			NoNewPrivs: 1
			Seccomp: 2
		END
	)"
	assert_equal "$(awk '/^Groups/ { print NF }' "/proc/$pid/status")" 1
	stop live
}

# is_answered CURL-WORD...: at once.
is_answered() {
	[ "$(answer -m 2 "$@")" = 200 ]
}

@test "live: more connections than there is room for wait until one of them ends" {
	local number

	live_start --command nobody-else
	for number in {1..32}; do
		start here "events$number" curl -sN "${ADDRESS}events"
		wait_line "events$number" '^:'
	done
	run ! is_answered "$ADDRESS"
	stop events1
	# That it is gone is noticed when it is to be told something.
	busywait 40 is_answered "$ADDRESS"
	stop live
	for number in {2..32}; do
		finish "events$number"
	done
}

@test "live: its own connections are not told of" {
	live_start -i 10ms
	start here events curl -sN "${ADDRESS}events"
	connection_make
	wait_line events "$SERVER4"
	assert_equal "$(output_of events | grep -c "\"port\":$(live_port)")" 0
	stop live
}
