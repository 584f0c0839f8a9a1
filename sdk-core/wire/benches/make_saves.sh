#!/bin/sh
# Fills FOLDER with one folder of consecutive saves a game: see saves/README.md. Needs zstd, tar, python3.
set -eu
folder=${1:?usage: make_saves.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
zstd -dc --long=27 "$here/saves/games.tar.zst" | tar x -C "$folder"
python3 "$here/saves/synth.py" "$folder"
if [ -x /usr/games/angband ]; then
    python3 "$here/saves/angband.py" "$folder/angband"
fi

openttd=$(command -v openttd || echo /usr/games/openttd)
[ -x "$openttd" ] || exit 0
for format in none zlib; do
    home=$(mktemp -d)
    cat > "$home/openttd.cfg" <<CFG
[misc]
savegame_format = $format
[network]
server_port = 39791
min_active_clients = 0
[difficulty]
max_no_competitors = 0
[game_creation]
map_x = 7
map_y = 7
CFG
    # The dedicated server reads commands; four seconds are some days of the game.
    { sleep 6; for i in 01 02 03 04 05 06 07 08 09 10; do echo "save $i"; sleep 4; done; echo quit; sleep 2; } |
        HOME=$home timeout 90 "$openttd" -D 127.0.0.1:39791 -c "$home/openttd.cfg" -g -G 7 > "$home/log" 2>&1 || true
    mkdir -p "$folder/openttd-$format"
    find "$home" -name '[0-9][0-9].sav' -exec mv {} "$folder/openttd-$format/" \;
    rm -r "$home"
done
