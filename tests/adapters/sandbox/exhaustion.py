"""Attacks on the machine itself: programs that want to run forever, or to use up all there is."""

FORK_BOMB = """
while True:
    try: os.fork()
    except OSError: pass
"""

CHAIN = """
# Each process lives just long enough to start the next: whoever kills by ids is always too late.
for _ in range(4):
    if os.fork() == 0: break
else: os._exit(0)
os.setsid()
while True:
    try:
        if os.fork(): os._exit(0)
    except OSError: pass
"""

LOOP = """
signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)
while True: pass
"""

CPU = """
for _ in range(3):
    if not os.fork(): break
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
while True: pass
"""

DAEMON = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for fd in (0, 1, 2): os.close(fd)
        os.execvp("sleep", ["sleep", world["nap"]])
    os._exit(0)
time.sleep(0.2)
"""

HOLDER = """
# The daemon keeps standard output open: who waits for its end waits for the daemon.
if os.fork() == 0:
    os.setsid()
    os.execvp("sleep", ["sleep", world["nap"]])
"""

OUTPUT = """
chunk = b"x" * (1 << 20)
for _ in range(5 << 10): os.write(1 if _ % 2 else 2, chunk)
leak("5 GB of output")
"""

BIG_FILE = """
def act():
    with open("big", "wb") as file:
        for _ in range(5 << 10): file.write(b"x" * (1 << 20)); file.flush()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
attempt("5 GB file", act)
attempt("5 GB hole", lambda: os.truncate("big", 5 << 30))
"""

MANY_BYTES = """
number = 0
while True:
    number += 1
    with open(f"part{number}", "wb") as file: file.write(b"x" * (8 << 20))
"""

HIDDEN_BYTES = """
held = []
while True:
    held.append(open("hidden", "wb")); os.unlink("hidden")
    held[-1].write(b"x" * (8 << 20)); held[-1].flush()
"""

CLOSED_DIRECTORY = """
os.mkdir("closed", 0o300)
number = 0
while True:
    number += 1
    with open(f"closed/part{number}", "wb") as file: file.write(b"x" * (8 << 20))
"""

MANY_FILES = """
number = 0
while True:
    number += 1
    open(f"file{number}", "w").close()
"""

DEEP = """
for _ in range(3000):
    os.mkdir("d" * 100); os.chdir("d" * 100)
time.sleep(30)
"""

HOG = """
held = []
attempt("memory of one process", lambda: [held.append(bytearray(16 << 20)) for _ in range(640)])
"""

HERD = """
import mmap
for _ in range(24):
    if os.fork() == 0:
        held = bytearray(48 << 20)
        time.sleep(30); os._exit(0)
shared = mmap.mmap(-1, 4 << 30)
for at in range(0, 4 << 30, 4096): shared[at] = 1
leak("4 GB of shared memory")
"""

EXIT = "os._exit(0)\n"

SILENT = """
os.closerange(0, 4096)
time.sleep(30)
"""

STOPPED = """
# Who waits for it politely waits forever.
try: os.kill(0, signal.SIGSTOP)
except OSError: time.sleep(30)
"""
