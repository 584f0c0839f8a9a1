"""Has a random player play angband, and keeps a save now and then: angband.py FOLDER."""

import os
import pathlib
import pty
import random
import select
import shutil
import signal
import sys
import tempfile
import time

PROGRAM = "/usr/games/angband"
PLAYER = "BenchPlayer"
SAVES = 24
STEPS_BETWEEN = 60
ESCAPE, ENTER, SAVE = b"\x1b", b"\r", b"\x13"


def press(terminal, keys, seconds):
    os.write(terminal, keys)
    end = time.time() + seconds
    while time.time() < end:
        if select.select([terminal], [], [], 0.01)[0]:
            os.read(terminal, 65536)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    random.seed(11)
    home = pathlib.Path(tempfile.mkdtemp())
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(HOME=str(home), TERM="vt100", LINES="24", COLUMNS="80")
        # Else the key that saves stops the terminal.
        os.system("stty -ixon")
        os.execv(PROGRAM, [PROGRAM, "-mgcu", "-u" + PLAYER, "-n"])
    # Debian keeps saves of all users in one folder, others in the player's.
    places = [pathlib.Path("/var/games/angband/save") / PLAYER, home]
    try:
        press(terminal, b"", 2)
        for _ in range(14):
            press(terminal, ENTER, 0.3)
        press(terminal, ESCAPE * 3, 0.2)
        # The scroll that every character has takes them to the dungeon in a while.
        press(terminal, b"rc", 0.3)
        for _ in range(4):
            press(terminal, ESCAPE * 3 + b"R50" + ENTER, 0.4)
        for n in range(SAVES):
            press(terminal, ESCAPE * 3, 0.1)
            for _ in range(STEPS_BETWEEN):
                press(terminal, random.choice(b"12346789>").to_bytes() + random.choice([b"", b"", ESCAPE]), 0.012)
            press(terminal, ESCAPE * 3, 0.1)
            press(terminal, SAVE, 0.4)
            found = [place for place in places if place.is_file()] + list(home.rglob("save/*" + PLAYER))
            if found:
                shutil.copyfile(found[0], folder / f"{n:02}.sav")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        places[0].unlink(missing_ok=True)
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
