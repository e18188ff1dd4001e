"""What compilers, linkers and build tools of C and its relatives print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_GCC = Tool(
    "gcc and clang",
    (
        Message(
            r"^(?:\[\d+/\d+\] |##\[error\]|❌ +|\s*)(?P<path>(?:\w:)?[^\s:()]{1,400}\.(?!(?:zig|hx|pyi?|java|kt|groovy|"
            r"rs|swift|go|scala|hs):)\w+):(?P<line>\d+):(?:\d+:)? (?:fatal |internal compiler )?error: ",
            Kind.BUILD_ERROR,
            ("error: ",),
            goes_on=r"^\s+(?!\[)\S|^\S+:\d+:(?:\d+:)? note: ",
            most=14,
            example="""\
src/bill.c:14:9: error: implicit declaration of function 'totl' [-Werror=implicit-function-declaration]
   14 |   return totl(items);
      |          ^~~~
      |          total""",
        ),
        Message(
            r"^(?P<path>[^\s:()]{1,400}\.\w+):(?P<line>\d+):(?:\d+:)? (?:warning: .*\[-Werror|note: )",
            Kind.BUILD_ERROR,
            ("warning: ", "note: "),
            weight=0.5,
            goes_on=r"^\s+(?!\[)\S",
            most=6,
            example="src/bill.h:7:5: note: declared here",
        ),
        Message(
            r"^(?P<path>[^\s:()]{1,400}): In (?:member |static |constructor|destructor|lambda |instantiation|"
            r"substitution)?.{0,20}(?:function|instantiation|constructor|destructor|member|lambda)?\b.*:$|"
            r"^In file included from \S",
            Kind.BUILD_ERROR,
            (": In ", "In file included from "),
            goes_on=r"^\s+from \S",
            weight=0.35,
            most=6,
            example="src/bill.c: In function 'sum':",
        ),
        Message(
            r"^(?:\S*(?:g?cc|[gc]\+\+|clang(?:\+\+)?|cc1(?:plus)?|f951|nvcc|"
            r"emcc)(?:-[\d.]+)?(?:\.exe)?): (?:fatal )?error: |^cc1\w*: .*(?:all warnings being treated|error)|"
            r"^nvcc fatal|^gnatmake: |^compilation terminated\.",
            Kind.BUILD_ERROR,
            ("error: ", "all warnings being treated", "nvcc fatal", "gnatmake: ", "compilation terminated"),
            weight=0.7,
            example="g++: fatal error: no input files",
        ),
        Message(
            r"^\d+ (?:warnings? and \d+ )?errors? generated\.|^fatal error: too many errors emitted",
            Kind.BUILD_ERROR,
            (" generated.", "too many errors"),
            weight=0.4,
            example="2 errors generated.",
        ),
        Message(
            r"^(?P<path>[^\s:()]{1,400}\.\w+):(?P<line>\d+): Error: |^\S+: Assembler messages:",
            Kind.BUILD_ERROR,
            (": Error: ", "Assembler messages:"),
            weight=0.9,
            example="build/bill.s:31: Error: no such instruction: `vmovdqu8 (%rax),%zmm0'",
        ),
    ),
    noise=(r"\b0 errors? generated", r"^(?:checking|configure:\d+): "),
)

_MSVC = Tool(
    "msvc",
    (
        Message(
            r"^(?:##\[error\])?\s*(?:\d+>)?(?P<path>(?!\s)(?:\w:)?[^():]{1,300})\((?P<line>\d+)(?:,\d+)?\)\s?: "
            r"(?:fatal "
            r")?error (?P<code>(?:C|LNK|RC|MIDL|D|U)\d{3,5})\s?: ",
            Kind.BUILD_ERROR,
            ("error C", "error LNK", "error RC", "error MIDL", "error D", "error U"),
            goes_on=r"^\s*(?:\d+>)?\S+\(\d+\): note: ",
            most=5,
            example=r"C:\src\bill.cpp(14,9): error C3861: 'totl': identifier not found",
        ),
        Message(
            r"^\s*(?:\d+>)?(?:LINK|\S+\.(?:obj|lib|exe|dll|targets|vcxproj)(?:\([\d,]+\))?|cl|NMAKE|MSBUILD|"
            r"RC)\s?: (?:fatal )?error (?P<code>\w+\d+)\s?: ",
            Kind.BUILD_ERROR,
            (" error ",),
            example="bill.obj : error LNK2019: unresolved external symbol totl referenced in function main",
        ),
        Message(
            r"^cl : Command line error|^'(?:cl|nmake|msbuild)' is not recognized",
            Kind.CONFIGURATION,
            ("Command line error", "is not recognized"),
            example="'nmake' is not recognized as an internal or external command,",
        ),
    ),
    noise=(r"^\s*0 Error\(s\)",),
)

_LD = Tool(
    "ld",
    (
        Message(
            r"(?:undefined reference to|multiple definition of|undefined symbol: ) ?[`'\"‘]?|first defined here",
            Kind.BUILD_ERROR,
            ("undefined reference to", "multiple definition of", "undefined symbol: ", "first defined here"),
            example="/usr/bin/ld: bill.o: in function `main': bill.c:14: undefined reference to `totl'",
        ),
        Message(
            r"^(?:\S*/)?(?:ld(?:\.\w+)?|lld(?:-link)?|ld64\.lld|wasm-ld|mold|rust-lld): (?!warning)",
            Kind.BUILD_ERROR,
            ("ld: ", "ld.gold: ", "ld.lld: ", "lld-link: ", "wasm-ld: ", "mold: ", "ld.bfd: ", "rust-lld: ", "lld: "),
            goes_on=r"^>>> ",
            most=5,
            weight=0.95,
            example="/usr/bin/ld: cannot find -lbrick: No such file or directory",
        ),
        Message(
            r"^Undefined symbols(?: for architecture \w+)?:|^duplicate symbol ",
            Kind.BUILD_ERROR,
            ("Undefined symbols", "duplicate symbol "),
            goes_on=r"^\s+\S|^ld: |^clang: ",
            most=14,
            example="""\
Undefined symbols for architecture arm64:
  "_totl", referenced from:
      _main in bill.o
ld: symbol(s) not found for architecture arm64
clang: error: linker command failed with exit code 1 (use -v to see invocation)""",
        ),
        Message(
            r"^collect2: (?:error|fatal error): |^clang(?:\+\+)?(?:-\d+)?: error: linker command failed",
            Kind.BUILD_ERROR,
            ("collect2: ", "linker command failed"),
            weight=0.4,
            example="collect2: error: ld returned 1 exit status",
        ),
        Message(
            r"error while loading shared libraries: |^(?:dyld(?:\[\d+\])?: |\s*Library not loaded: )",
            Kind.DEPENDENCY,
            ("loading shared libraries", "dyld", "Library not loaded"),
            goes_on=r"^\s+(?:Referenced from|Reason): ",
            most=4,
            example="./bill: error while loading shared libraries: libbrick.so.3: cannot open shared object file",
        ),
    ),
)

_CMAKE = Tool(
    "cmake",
    (
        Message(
            r"^CMake Error(?::| at (?P<path>[^:]+):(?P<line>\d+)| in | \(|$)",
            Kind.CONFIGURATION,
            ("CMake Error",),
            goes_on=r"^\s+\S|^$|^Call Stack|^CMake Error",
            most=24,
            example="""\
CMake Error at CMakeLists.txt:14 (find_package):
  By not providing "FindBrick.cmake" in CMAKE_MODULE_PATH this project has
  asked CMake to find a package configuration file provided by "Brick".
Call Stack (most recent call first):
  cmake/deps.cmake:3 (include)
""",
        ),
        Message(
            r"^-- Configuring incomplete, errors occurred|^CMake (?:was unable|is required)|"
            r"^See also \".*CMakeError\.log\"|^No CMAKE_\w+ could be found",
            Kind.CONFIGURATION,
            ("Configuring incomplete", "CMake ", "CMakeError.log", "CMAKE_"),
            weight=0.4,
            example="-- Configuring incomplete, errors occurred!",
        ),
        Message(
            r"^(?P<path>\S*meson\.build):(?P<line>\d+):\d+: ERROR: |^meson\.build:.*ERROR|^ERROR: (?:Dependency|"
            r"Program|Subproject|Include dir|Unknown options?) ",
            Kind.CONFIGURATION,
            ("meson.build:", "ERROR: "),
            example='meson.build:14:0: ERROR: Dependency "brick" not found, tried pkgconfig and cmake',
        ),
    ),
    noise=(r"^CMake (?:Warning|Deprecation)", r"^-- (?:Looking for|Performing Test|Found) "),
)

_CONFIGURE = Tool(
    "configure",
    (
        Message(
            r"^(?:\S*/)?configure: error: |^configure(?:\.(?:ac|in))?:\d+: error: |^\S*configure: line \d+: ",
            Kind.CONFIGURATION,
            ("configure: error: ", ": error: ", "configure: line "),
            goes_on=r"^(?:configure: error: |See `config\.log')|^\s+\S",
            most=6,
            example="""\
configure: error: in `/src/build':
configure: error: C compiler cannot create executables
See `config.log' for more details""",
        ),
        Message(
            r"^(?:aclocal|autoreconf|automake|autoconf|autoheader|libtool|libtoolize)(?:-[\d.]+)?: (?:error|"
            r".* failed with|\S+ is required)|"
            r"^(?:configure\.\w+|Makefile\.am|aclocal\.m4):\d+: (?:error|warning): .*(?:undefined macro|required file|"
            r"requires|not found|Libtool)|"
            r"^No package '\S+' found|^Package requirements \(|^Package \S+ was not found in the pkg-config",
            Kind.CONFIGURATION,
            (
                "aclocal",
                "autoreconf",
                "automake",
                "autoconf",
                "autoheader",
                "libtool",
                "configure.",
                "Makefile.am:",
                "No package '",
                "Package requirements",
                "pkg-config",
            ),
            most=3,
            goes_on=r"^(?:No package|\s+\S)",
            example="configure.ac:31: error: possibly undefined macro: AC_PROG_LIBTOOL",
        ),
    ),
    noise=(r"^checking ",),
)

C = (_GCC, _MSVC, _LD, _CMAKE, _CONFIGURE)
