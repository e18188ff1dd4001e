"""What Ruby, its test runners and its package manager print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_RUBY = Tool(
    "ruby",
    (
        Message(
            r"^(?:\t?\d{1,5}: ?|\t)?(?P<path>[^\s:]{1,300}|<internal:[^>]*>):(?P<line>\d+):in [`'].{1,200}': "
            r".*\((?P<code>[\w:]+)\)",
            Kind.UNKNOWN,
            (":in `", ":in '"),
            goes_on=r"^\s+(?:\d+: )?from \S|^\s+\d+: ",
            most=20,
            weight=0.9,
            example="""\
lib/bill.rb:14:in `total': undefined method `sum' for nil (NoMethodError)
	from lib/bill.rb:31:in `<main>'""",
        ),
        Message(
            r"^(?:\S+: )?(?P<path>[^\s:]{1,300}\.(?:rb|rake|ru|erb|haml|slim)):(?P<line>\d+): (?:syntax error|"
            r".{0,200}\(SyntaxError\)|.{0,40}(?:unexpected|expected))",
            Kind.BUILD_ERROR,
            ("syntax error", "SyntaxError", "xpected"),
            goes_on=r"^\s|^\^|^>",
            most=8,
            example="""\
lib/bill.rb:14: syntax error, unexpected end-of-input
    sum +
         ^""",
        ),
        Message(
            r"^(?P<code>(?:[A-Z]\w*::){1,6}\w*(?:Error|NotFound|Invalid|Exception|Missing|Assertion|Timeout|"
            r"Unavailable)|"
            r"(?:NoMethod|Argument|Load|Frozen|LocalJump|Thread|ZeroDivision|Standard|UncaughtThrow)Error): \S",
            Kind.UNKNOWN,
            (
                "Error: ",
                "NotFound: ",
                "Invalid: ",
                "Exception: ",
                "Missing: ",
                "Assertion: ",
                "Timeout: ",
                "Unavailable: ",
            ),
            goes_on=r"^\s*\S+:\d+:in [`']|^\s+(?:from )?\S+:\d+:in ",
            most=20,
            weight=0.8,
            example="""\
ActiveRecord::NoDatabaseError: FATAL:  database "bill_test" does not exist
/usr/lib/ruby/gems/activerecord/connection.rb:81:in `rescue in new_client'""",
        ),
        Message(
            r"^(?P<code>[A-Z]\w*(?:::\w+)*Error)$",
            Kind.UNKNOWN,
            ("Error",),
            goes_on=r"^\s+\S|^\S+:\d+:in ",
            weight=0.6,
            most=8,
            example="Errno::EPIPEError",
        ),
    ),
)

_RAKE = Tool(
    "rake",
    (
        Message(
            r"^(?:rake|rails) aborted!",
            Kind.UNKNOWN,
            ("rake aborted!", "rails aborted!"),
            stops=r"^(?:Tasks: TOP|\(See full trace)",
            weight=0.6,
            most=20,
            example="""\
rake aborted!
No Rakefile found (looking for: rakefile, Rakefile, rakefile.rb, Rakefile.rb)
/usr/bin/rake:33:in `<main>'""",
        ),
        Message(
            r"^(?:No Rakefile found|Don't know how to build task) ",
            Kind.CONFIGURATION,
            ("No Rakefile found", "Don't know how to build"),
            lead=1,
            most=2,
            example="""\
rake aborted!
Don't know how to build task 'tset' (See the list of available tasks with `rake --tasks`)""",
        ),
        Message(
            r"^Command failed with status \(\d+\)|^Tasks: TOP => ",
            Kind.UNKNOWN,
            ("Command failed with status", "Tasks: TOP"),
            weight=0.15,
            example="Tasks: TOP => default => spec",
        ),
    ),
)

_RSPEC = Tool(
    "rspec",
    (
        Message(
            r"^\s+Failure/Error: ",
            Kind.TEST_FAILURE,
            ("Failure/Error: ",),
            lead=1,
            goes_on=r"^(?!\s*\d+\) )\s{3,}\S|^\s*$",
            most=30,
            example="""\
  1) Bill adds what was ordered
     Failure/Error: expect(bill.total).to eq(5)

       expected: 5
            got: 4

       (compared using ==)
     # ./spec/bill_spec.rb:13:in `block (2 levels) in <top (required)>'
""",
        ),
        Message(
            r"^rspec '?(?P<path>\./[^\s:\[]+)(?::(?P<line>\d+)|\[)",
            Kind.TEST_FAILURE,
            ("rspec ./", "rspec './"),
            weight=0.7,
            example="rspec ./spec/bill_spec.rb:11 # Bill adds what was ordered",
        ),
        Message(
            r"^An error occurred (?:while loading|in (?:a|an) `)",
            Kind.TEST_FAILURE,
            ("An error occurred ",),
            stops=r"^(?:Finished in|Run options|An error occurred)",
            most=20,
            example="""\
An error occurred while loading ./spec/bill_spec.rb.
Failure/Error: require 'brick'

LoadError:
  cannot load such file -- brick
# ./spec/bill_spec.rb:1:in `<top (required)>'
""",
        ),
        Message(
            r"^\d+ examples?, (?:[1-9]\d* failures?|0 failures, \d+ errors? occurred)",
            Kind.TEST_FAILURE,
            (" example",),
            weight=0.4,
            example="12 examples, 1 failure",
        ),
        Message(
            r"^SimpleCov failed with exit|^(?:Line|Branch) coverage \(.*below the expected",
            Kind.TEST_FAILURE,
            ("SimpleCov failed", " coverage ("),
            weight=0.8,
            example="SimpleCov failed with exit 2 due to a coverage related error",
        ),
    ),
    noise=(r"\b0 failures\b(?!, \d+ error)",),
)

_MINITEST = Tool(
    "minitest",
    (
        Message(
            r"^\s*(?:\d+\) )?(?:Failure|Error):$",
            Kind.TEST_FAILURE,
            ("Failure:", "Error:"),
            closes=r"^(?:bin/rails|bin/test|rails|rake|bundle exec) (?:test )?\S+\.rb:\d+",
            stops=(
                r"^\d+ (?:runs|tests), |^[.FEST]{3,}$|^\s*\d+\) (?:Failure|Error):$|^(?:Failure|Error):$|^Finished in|"
                r"^\s+\S+ (?:PASS|FAIL|test_)"
            ),
            says=r"^(?P<test>[\w:]+#\S.*?)(?: \[(?P<path>[^:\]]+):(?P<line>\d+)\])?:$",
            most=25,
            example="""\
Failure:
BillTest#test_adds_what_was_ordered [test/models/bill_test.rb:13]:
Expected: 5
  Actual: 4

bin/rails test test/models/bill_test.rb:11""",
        ),
        Message(
            r"^\s*(?:FAIL|ERROR)\s*\[?\"?(?P<test>test_\S+|[\w:]+#\w+)|^(?:Failure|Error): (?P<name>test_\w+)\(|"
            r"^\s*test_\S.{0,200}\s(?:FAIL|ERROR) \(\d",
            Kind.TEST_FAILURE,
            ("FAIL", "ERROR", "Failure: ", "Error: "),
            goes_on=r"^\s+\S|^$|^={3,}$|^[<?+-]",
            weight=0.9,
            most=16,
            example="""\
 FAIL["test_adds_what_was_ordered", BillTest, 1.31]
        Expected: 5
          Actual: 4
        test/bill_test.rb:13:in `test_adds_what_was_ordered'""",
        ),
        Message(
            r"^\d+ (?:runs|tests), \d+ assertions, (?:[1-9]\d* failures|0 failures, [1-9]\d* errors)",
            Kind.TEST_FAILURE,
            (" assertions, ",),
            weight=0.4,
            example="12 runs, 31 assertions, 1 failures, 0 errors, 0 skips",
        ),
    ),
)

_CUCUMBER = Tool(
    "cucumber",
    (
        Message(
            r"^(?:Failing Scenarios|Undefined scenarios|Failed scenarios|--- Failed (?:steps|hooks)|Failures:|"
            r"\(::\) failed (?:steps|hooks) \(::\)):?$",
            Kind.TEST_FAILURE,
            ("Failing Scenarios", "scenarios", "--- Failed ", "Failures:", "(::) failed"),
            stops=r"^\d+ scenarios?",
            weight=0.7,
            most=30,
            example="""\
Failing Scenarios:
cucumber features/bill.feature:7 # Scenario: adds what was ordered""",
        ),
        Message(
            r"^\d+ scenarios? \(.*\b[1-9]\d* (?:failed|undefined|ambiguous)",
            Kind.TEST_FAILURE,
            (" failed", " undefined", " ambiguous"),
            weight=0.4,
            example="12 scenarios (1 failed, 11 passed)",
        ),
    ),
)

_BUNDLER = Tool(
    "bundler",
    (
        Message(
            r"^(?:Could not find (?:compatible versions|gem|\S+-\d\S* in)|Bundler could not find|"
            r"Your (?:Ruby version is|bundle is locked|lockfile)|"
            r"The bundle (?:is|currently)|You (?:have already activated|are trying to install in deployment|"
            r"must use Bundler)|Some gems|There was an error|"
            r"Bundler::\w+|Because .* version solving has failed|The gemspec|\[!\] There was an error parsing|"
            r"Could not (?:fetch specs|reach host|locate Gemfile)|"
            r"Retrying .* due to error|Gem::\S+(?:Error|Exception)|Unable to (?:require|resolve)|"
            r"The dependencies in your gemfile)",
            Kind.DEPENDENCY,
            (
                "Could not ",
                "Bundler",
                "Your ",
                "The ",
                "You ",
                "Some gems",
                "There was an error",
                "Because ",
                "Retrying ",
                "Gem::",
                "Unable to ",
            ),
            goes_on=r"^\s+\S|^$|^(?:In |Run|to |was |\S+-\d)",
            most=14,
            example="""\
Bundler could not find compatible versions for gem "brick":
  In Gemfile:
    brick (~> 9.1)

    bill was resolved to 2.0, which depends on
      brick (< 3)""",
        ),
        Message(
            r"^(?:An error occurred while installing |ERROR:  (?:Error installing|Could not find a valid gem|"
            r"While executing gem|Failed to build gem|Loading command)|"
            r"Gem::Ext::BuildError|Make sure that `gem install|mkmf\.rb can't find header)",
            Kind.DEPENDENCY,
            (
                "An error occurred while installing",
                "ERROR:  ",
                "Gem::Ext::BuildError",
                "Make sure that `gem install",
                "mkmf.rb",
            ),
            goes_on=r"^\s+\S|^$|^(?:In Gemfile|Make sure|\S+\.rb:)",
            most=16,
            example="""\
An error occurred while installing brick (9.1), and Bundler cannot continue.

In Gemfile:
  brick""",
        ),
        Message(
            r"^bundler: (?:command not found|failed to load command)|^(?:Ignoring|"
            r"Could not find) .* extensions are not built|^\S*: command not found: bundle|"
            r"can't find gem |cannot load such file -- ",
            Kind.DEPENDENCY,
            ("bundler: ", "extensions are not built", "can't find gem ", "cannot load such file"),
            goes_on=r"^Install missing gem",
            weight=0.9,
            most=3,
            example="bundler: failed to load command: rspec (/usr/local/bin/rspec)",
        ),
    ),
)

RUBY = (_RSPEC, _MINITEST, _CUCUMBER, _BUNDLER, _RAKE, _RUBY)
