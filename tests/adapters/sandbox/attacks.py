"""What hostile code tries in the sandbox. Each attack prints a line that starts with LEAK for what it gets away with.

An attack is a Python program; `world` stands for the place around the sandbox, as sandbox_range.py has set it up.
"""

from dataclasses import dataclass

from cicd_agent.domain.trials.sandbox import Stop
from tests.adapters.sandbox import exhaustion


@dataclass(frozen=True, slots=True)
class Attack:
    """`control`: it is harmless, and has to succeed when nothing keeps it in. `stop`: the limit that ends it."""

    name: str
    program: str
    control: bool = True
    stop: Stop | None = None


_PRELUDE = """
import ctypes, errno, glob, json, os, resource, signal, socket, subprocess, sys, time
world = json.loads(os.environ["WORLD"])
secret = bytes.fromhex(world["secret"])
libc = ctypes.CDLL(None, use_errno=True)
def leak(*what): print("LEAK", *what, flush=True)
def attempt(label, act):
    try:
        if act() is not False: leak(label)
    except (OSError, subprocess.SubprocessError, ValueError, MemoryError) as error: print("held", label, error)
"""

ENVIRONMENT = """
if secret in str(os.environ).encode(): leak("own environment")
for path in ["/proc/self/environ", *glob.glob("/proc/[0-9]*/environ"), f"/proc/{world['victim']}/environ"]:
    attempt(path, lambda: secret in open(path, "rb").read())
"""

MEMORY = """
for what in ("mem", "maps", "fd", "cwd/.", "root/."):
    path = f"/proc/{world['victim']}/{what}"
    attempt(path, lambda: open(path, "rb").read(1) if what in ("mem", "maps") else os.listdir(path))
"""

TCP = """
for host in ("127.0.0.1", "127.1.2.3", "::1"):
    attempt(f"tcp {host}", lambda: socket.create_connection((host, world["tcp6" if ":" in host else "tcp"]), timeout=1))
"""

OUTSIDE = """
for family, address in ((socket.AF_INET, ("169.254.169.254", 80)), (socket.AF_INET, ("192.0.2.1", 443)),
                        (socket.AF_INET6, ("fe80::1", 80)), (socket.AF_INET6, ("fd00:ec2::254", 80))):
    def act():
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.settimeout(0.2)
            try: s.connect(address)
            except TimeoutError: return True  # the packet went out
    attempt(f"tcp {address}", act)
"""

UDP = """
def act():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b"LEAK udp", ("127.0.0.1", world["udp"]))
    return False  # the other side has to see it
attempt("udp", act)
"""

UNIX = """
def stream(address):
    with socket.socket(socket.AF_UNIX) as s: s.connect(address)
for address in (world["unix"], "\\0" + world["abstract"], "/var/run/docker.sock", "/run/dbus/system_bus_socket"):
    attempt(f"unix {address!r}", lambda: stream(address))
def pair():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    a.sendto(b"x", world["unix_dgram"])
attempt("a pair turned elsewhere", pair)
def connected():
    a, b = socket.socketpair()
    a.connect(world["unix"])
attempt("a connected pair turned elsewhere", connected)
"""

ODD_SOCKETS = """
for name, family, kind, protocol in (("raw", 2, 3, 1), ("packet", 17, 3, 0), ("netlink", 16, 3, 0), ("vsock", 40, 1, 0),
                                     ("alg", 38, 5, 0), ("bluetooth", 31, 3, 1), ("xdp", 44, 3, 0)):
    attempt(name, lambda: socket.socket(family, kind, protocol))
"""

WRITES = """
# What has come of it is looked at from outside: some of it fails without an error.
def write(path):
    with open(path, "a") as file: file.write("x")
out = world["outside"]
for path in (out + "/new", out + "/kept", world["home"] + "/.bashrc", *world["marks"]):
    attempt(path, lambda: (write(path), False)[1])
os.symlink(out + "/kept", "through"); os.symlink(out, "above"); write("mine")
for label, act in {
    "through a link": lambda: write("through"), "through a linked directory": lambda: write("above/other"),
    "hard link": lambda: (os.link(out + "/kept", "hard"), write("hard")),
    "link out": lambda: os.link("mine", out + "/mine"), "rename out": lambda: os.rename("mine", out + "/moved"),
    "truncate": lambda: os.truncate(out + "/kept", 0), "mkdir": lambda: os.mkdir(out + "/dir"),
    "fifo": lambda: os.mkfifo(out + "/fifo"), "socket": lambda: socket.socket(socket.AF_UNIX).bind(out + "/socket"),
    "mode": lambda: os.chmod(out + "/kept", 0o777), "mode of home": lambda: os.chmod(world["home"], 0o755),
    "times": lambda: os.utime(out + "/kept", (1, 1)),
    "mode by descriptor": lambda: os.fchmod(os.open(world["home"], os.O_RDONLY), 0o711),
    "attribute": lambda: os.setxattr(out + "/kept", "user.mark", b"x"), "owner": lambda: os.chown(out + "/kept", -1, 0),
    "rename in": lambda: os.rename(out + "/taken", "taken"), "unlink": lambda: os.unlink(out + "/gone"),
}.items(): attempt(label, lambda: (act(), False)[1])
"""

READS = """
for path in (world["home"] + "/.netrc", world["checkout"] + "/secret.txt", "/etc/shadow", "/etc/gshadow"):
    attempt(f"read {path}", lambda: bool(open(path, "rb").read(1)))
os.symlink(world["home"] + "/.netrc", "netrc")
attempt("read through a link", lambda: bool(open("netrc").read()))
for path in (world["home"], world["checkout"], "/run", "/sys", "/var/lib", "/var/log"):
    attempt(f"list {path}", lambda: bool(os.listdir(path)))
def watch():
    if libc.inotify_add_watch(libc.inotify_init1(0), ctypes.c_char_p(world["home"].encode()), 0xFFF) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
attempt("watch", watch)
"""

SIGNALS = """
for name, pid in (("victim", world["victim"]), ("caller", world["caller"]), ("parent", os.getppid())):
    if pid > 1: attempt(f"signal {name}", lambda: os.kill(pid, 0))
attempt("signal by pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(world["victim"]), signal.SIGUSR1))
attempt("priority", lambda: (os.setpriority(os.PRIO_PROCESS, world["victim"], 5)))
attempt("limits", lambda: resource.prlimit(world["victim"], resource.RLIMIT_NOFILE, (9, 9)))
def owned():
    import fcntl
    r, w = os.pipe()
    fcntl.fcntl(r, fcntl.F_SETOWN, world["victim"]); fcntl.fcntl(r, 10, signal.SIGUSR1)
    fcntl.fcntl(r, fcntl.F_SETFL, fcntl.fcntl(r, fcntl.F_GETFL) | os.O_ASYNC)
    os.write(w, b"x")
    return False  # the other side has to see it
attempt("signal by a pipe", owned)
"""

KILL_ALL = """
# The kernel may say that it did so when nobody was there to be killed.
for pid in (-1, os.getppid(), world["victim"], world["caller"]):
    try: os.kill(pid, signal.SIGKILL)
    except OSError as error: print("held", pid, error)
print("still here")
"""

PRIVILEGES = """
attempt("setuid", lambda: os.setuid(0))
attempt("setgroups", lambda: os.setgroups([0]))
for line in (["sudo", "-n", "true"], ["su", "-c", "true"], ["newgrp"], ["pkexec", "true"], ["chroot", "/", "true"],
             ["unshare", "-Ur", "true"], ["mount", "-t", "tmpfs", "none", "."], ["bwrap", "--bind", "/", "/", "true"]):
    attempt(" ".join(line), lambda: subprocess.run(line, stdin=-3, capture_output=True, timeout=3).returncode == 0)
"""

SYSCALLS = """
x86 = os.uname().machine == "x86_64"
null, here, room = ctypes.c_void_p(0), ctypes.c_char_p(b"."), ctypes.create_string_buffer(b"\\x80" + bytes(200))
child = subprocess.Popen(["sleep", "5"])  # ended with everything else
for name, numbers, arguments in (
    ("ptrace traceme", (101, 117), (0, 0, 0, 0)), ("ptrace sibling", (101, 117), (16, child.pid, 0, 0)),
    ("process_vm_readv", (310, 270), (child.pid, null, 0, null, 0, 0)), ("bpf", (321, 280), (0, null, 0)),
    ("keyctl", (250, 219), (0, -3, 1)), ("add_key", (248, 217), (b"user", b"a", b"b", 1, -3)),
    ("unshare", (272, 97), (0x10000000,)), ("io_uring", (425, 425), (1, ctypes.create_string_buffer(200))),
    ("perf", (298, 241), (ctypes.create_string_buffer(200), 0, -1, -1, 0)), ("userfaultfd", (323, 282), (1,)),
    ("kexec", (246, 104), (0, 0, null, 0)), ("memfd", (319, 279), (b"x", 0)), ("shmget", (29, 194), (0, 4096, 0o1600)),
    ("handles", (303, 264), (-100, here, room, room, 0)),
    ("open_tree", (428, 428), (-100, here, 1)), ("fsopen", (430, 430), (b"tmpfs", 0)),
    ("clone3", (435, 435), (null, 0)),
    ("mount_setattr", (442, 442), (-100, here, 0, null, 0)), ("beyond the table", (470, 470), ()),
    ("far beyond", (999, 999), ()),
):
    ctypes.set_errno(0)
    result = libc.syscall(numbers[0 if x86 else 1], *arguments)
    if ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): leak(name, result, os.strerror(ctypes.get_errno()))
"""

FOREIGN = """
pid = os.fork()
if pid == 0:
    libc.syscall(0x40000000 + 39)  # getpid of x32
    os._exit(0)
if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != -signal.SIGSYS: leak("x32")
"""

NAMES = """
attempt("a name", lambda: bool(socket.getaddrinfo("github.com", 443)))
query = bytes.fromhex("123401000001000000000000") + b"\\x06github\\x03com\\0\\0\\1\\0\\1"
def ask(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.1); s.sendto(query, (server, 53))
        return bool(s.recv(512))
for server in (*world["resolvers"], "127.0.0.53", "1.1.1.1"): attempt(f"server {server}", lambda: ask(server))
"""

SIGHT = """
for path in (*glob.glob("/proc/[0-9]*/cmdline"), f"/proc/{world['victim']}/cmdline"):
    attempt(path, lambda: b"LEAK signal" in open(path, "rb").read())
for table, needle in (("unix", world["abstract"]), ("tcp", f":{world['tcp']:04X} "), ("udp", f":{world['udp']:04X} ")):
    attempt(f"/proc/net/{table}", lambda: needle in open(f"/proc/net/{table}").read())
for what in ("status", "ns/net", "ns/user", "root/etc/passwd", "fdinfo/1"):
    attempt(f"victim's {what}", lambda: bool(open(f"/proc/{world['victim']}/{what}").read(1)))
"""

OTHERS = """
x86, victim, null = os.uname().machine == "x86_64", world["victim"], ctypes.c_void_p(0)
held = libc.syscall(434, victim, 0)  # pidfd_open; the same on every architecture
room = ctypes.create_string_buffer(64)
for name, numbers, arguments in (
    ("ptrace attach", (101, 117), (16, victim, 0, 0)), ("ptrace seize", (101, 117), (0x4206, victim, 0, 0)),
    ("ptrace the first", (101, 117), (0x4206, 1, 0, 0)),
    ("ptrace the parent", (101, 117), (0x4206, os.getppid(), 0, 0)),
    ("pidfd_getfd", (438, 438), (held, 1, 0)), ("setns by pidfd", (308, 268), (held, 0x40000000)),
    ("process_madvise", (440, 440), (held, null, 0, 21, 0)), ("process_mrelease", (448, 448), (held, 0)),
    ("process_vm_readv", (310, 270), (victim, room, 1, room, 1, 0)),
    ("write to the first", (311, 271), (1, room, 1, room, 1, 0)),
    ("kcmp", (312, 272), (os.getpid(), victim, 0, 0, 0)), ("move_pages", (279, 239), (victim, 0, null, null, null, 0)),
):
    ctypes.set_errno(0)
    result = libc.syscall(numbers[0 if x86 else 1], *arguments)
    if ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): leak(name, result, os.strerror(ctypes.get_errno()))
for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV):
    try: os.kill(1, number)
    except OSError as error: print("held", number, error)
print("still here")
"""

AGAIN = """
x86, null = os.uname().machine == "x86_64", ctypes.c_void_p(0)
try: net = os.open("/proc/1/ns/net", os.O_RDONLY)
except OSError: net = 0
for name, numbers, arguments in (
    *((f"unshare {flag:#x}", (272, 97), (flag,)) for flag in (0x80, 0x20000, *(1 << bit for bit in range(25, 31)))),
    ("setns", (308, 268), (net, 0)), ("mount tmpfs", (165, 40), (b"none", b".", b"tmpfs", 0, null)),
    ("remount", (165, 40), (null, b"/", null, 0x1020, null)),
    ("remount /usr", (165, 40), (null, b"/usr", null, 0x1020, null)),
    ("bind", (165, 40), (b"/proc", b".", null, 0x1000, null)), ("proc", (165, 40), (b"proc", b".", b"proc", 0, null)),
    ("umount /proc", (166, 39), (b"/proc", 2)), ("umount /", (166, 39), (b"/", 2)),
    ("pivot_root", (155, 41), (b".", b".")),
    ("chroot", (161, 51), (b".",)), ("open_tree", (428, 428), (-100, b"/", 1)),
    ("move_mount", (429, 429), (0, b"", -100, b".", 4)),
    ("mount_setattr", (442, 442), (-100, b"/", 0, ctypes.create_string_buffer(32), 32)),
    *((f"keyctl {call}", (250, 219), (call, ring, 0, 0)) for call in (0, 1, 6, 11) for ring in (-3, -4, -5)),
    ("request_key", (249, 218), (b"user", b"a", null, -3)), ("hostname", (170, 161), (b"mine", 4)),
):
    ctypes.set_errno(0)
    result = libc.syscall(numbers[0 if x86 else 1], *arguments)
    if ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): leak(name, result, os.strerror(ctypes.get_errno()))
for bit in (17, *range(25, 31)):
    made = libc.syscall(56 if x86 else 220, 1 << bit | signal.SIGCHLD, 0, 0, 0, 0)
    if made == 0: os._exit(0)
    if made > 0: leak(f"clone {1 << bit:#x}")
"""

FRAME = """
for path in ("/new", "/etc/new", "/usr/new", "/dev/new", "/etc/passwd", "/proc/sys/kernel/core_pattern",
             "/proc/sysrq-trigger", "/proc/self/uid_map", "/proc/self/oom_score_adj", "/proc/1/oom_score_adj",
             "/proc/1/mem", os.path.realpath(sys.executable)):
    attempt(f"write {path}", lambda: os.open(path, os.O_WRONLY | os.O_CREAT))
for path in ("/proc/1/mem", "/proc/1/environ", "/proc/1/maps", "/proc/kcore", "/dev/mem", "/dev/kmsg"):
    attempt(f"read {path}", lambda: bool(open(path, "rb").read(1)))
for path in ("/proc/1/root/.", "/proc/1/cwd/."): attempt(f"list {path}", lambda: bool(os.listdir(path)))
for number in range(8): attempt(f"its descriptor {number}", lambda: os.open(f"/proc/1/fd/{number}", os.O_RDONLY))
import fcntl
def change(number, packed):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: fcntl.ioctl(s, number, packed)
attempt("lo down", lambda: change(0x8914, b"lo".ljust(40, b"\\0")))
address = bytes((2, 0, 0, 0, 10, 0, 0, 1))
attempt("an address", lambda: change(0x8916, b"lo".ljust(16, b"\\0") + address.ljust(24, b"\\0")))
attempt("a bridge", lambda: change(0x89A0, b"bridge".ljust(40, b"\\0")))
"""

DESCRIPTORS = """
for fd in range(3, 4096):
    try: leak(f"descriptor {fd}", os.fstat(fd))
    except OSError: pass
attempt("stdin", lambda: not os.path.samestat(os.fstat(0), os.stat("/dev/null")))
attempt("terminal", lambda: bool(open("/dev/tty")))
"""

ATTACKS = (
    Attack("environment and /proc", _PRELUDE + ENVIRONMENT),
    Attack("memory of others", _PRELUDE + MEMORY),
    Attack("TCP to loopback", _PRELUDE + TCP),
    Attack("TCP beyond, link-local", _PRELUDE + OUTSIDE, control=False),
    Attack("UDP to loopback", _PRELUDE + UDP),
    Attack("unix sockets", _PRELUDE + UNIX),
    Attack("raw, packet, netlink", _PRELUDE + ODD_SOCKETS),
    Attack("writes outside", _PRELUDE + WRITES),
    Attack("reads outside", _PRELUDE + READS),
    Attack("signals", _PRELUDE + SIGNALS),
    Attack("kill everything", _PRELUDE + KILL_ALL, control=False),
    Attack("sudo, setuid, namespaces", _PRELUDE + PRIVILEGES, control=False),
    Attack("system calls", _PRELUDE + SYSCALLS, control=False),
    Attack("x32 calls", _PRELUDE + FOREIGN, control=False),
    Attack("inherited descriptors", _PRELUDE + DESCRIPTORS, control=False),
    Attack("DNS", _PRELUDE + NAMES, control=False),
    Attack("others in /proc", _PRELUDE + SIGHT),
    Attack("ptrace, pidfd, first process", _PRELUDE + OTHERS, control=False),
    Attack("unshare, setns, mounts, keys", _PRELUDE + AGAIN, control=False),
    Attack("own root and /proc", _PRELUDE + FRAME, control=False),
    Attack("fork bomb", _PRELUDE + exhaustion.FORK_BOMB, control=False, stop=Stop.WALL),
    Attack("chain of forks", _PRELUDE + exhaustion.CHAIN, control=False),
    Attack("endless loop", _PRELUDE + exhaustion.LOOP, control=False, stop=Stop.WALL),
    Attack("CPU of many", _PRELUDE + exhaustion.CPU, control=False, stop=Stop.CPU),
    Attack("daemon", _PRELUDE + exhaustion.DAEMON, control=False),
    Attack("daemon that holds output", _PRELUDE + exhaustion.HOLDER, control=False),
    Attack("5 GB of output", _PRELUDE + exhaustion.OUTPUT, control=False, stop=Stop.OUTPUT),
    Attack("5 GB file", _PRELUDE + exhaustion.BIG_FILE, control=False),
    Attack("many large files", _PRELUDE + exhaustion.MANY_BYTES, control=False, stop=Stop.DISK),
    Attack("deleted large files", _PRELUDE + exhaustion.HIDDEN_BYTES, control=False, stop=Stop.DISK),
    Attack("files out of sight", _PRELUDE + exhaustion.CLOSED_DIRECTORY, control=False, stop=Stop.DISK),
    Attack("many files", _PRELUDE + exhaustion.MANY_FILES, control=False, stop=Stop.FILES),
    Attack("too deep to look at", _PRELUDE + exhaustion.DEEP, control=False, stop=Stop.FILES),
    Attack("memory hog", _PRELUDE + exhaustion.HOG, control=False),
    Attack("memory of many", _PRELUDE + exhaustion.HERD, control=False, stop=Stop.MEMORY),
    Attack("os._exit(0)", _PRELUDE + exhaustion.EXIT, control=False),
    Attack("closes all, waits", _PRELUDE + exhaustion.SILENT, control=False, stop=Stop.WALL),
    Attack("stops itself", _PRELUDE + exhaustion.STOPPED, control=False, stop=Stop.WALL),
)
