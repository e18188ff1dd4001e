// Judges workflows and actions by GitHub's own language service: `node check.mjs ROOT < documents.json`, a line for each diagnostic.
import {existsSync, readFileSync} from "node:fs";
import {register} from "node:module";
import {isAbsolute, join, relative} from "node:path";
import {TextDocument} from "vscode-languageserver-textdocument";
import {parse} from "yaml";

register("./json.mjs", import.meta.url);
const {validate} = await import("@actions/languageservice/validate");

const OWNER = "org";
const NAME = "cicd-agent";
const root = process.argv[2];
// A list of {name, text, lines}: what to show, the text, and the line of the file for each line of the text (absent: the same).
const documents = JSON.parse(readFileSync(0, "utf8"));

function ours(path) {
  const file = join(root, path ?? "", "action.yml");
  if (relative(root, file).startsWith("..") || !existsSync(file)) return undefined;
  return parse(readFileSync(file, "utf8"));
}

// Our own action as it is in this tree; of others nothing is fetched.
const actionsMetadataProvider = {
  fetchActionMetadata: async (reference) =>
    reference.owner === OWNER && reference.name === NAME ? ours(reference.path) : undefined,
};
// A workflow that is called, if it is ours.
const fileProvider = {
  getFileContent: async (reference) => {
    const path = "repository" in reference && reference.owner !== OWNER ? undefined : reference.path;
    if (!path || isAbsolute(path) || path.includes("..")) throw new Error("not a workflow of ours");
    return {name: path, content: readFileSync(join(root, path), "utf8")};
  },
};

// What other people's actions take is not known here: each is pinned to a commit that tests/repository/test_workflows.py knows.
const foreign = (message) => /^Unable to resolve action `(?!org\/cicd-agent)/.test(message);

let found = 0;
for (const [number, {name, text, lines}] of documents.entries()) {
  const isAction = /(^|\/)action\.ya?ml$/.test(name);
  // What was parsed is kept by its address, and a page has several parts.
  const uri = `file:///${number}/${isAction ? name : `.github/workflows/${name}`}`;
  const document = TextDocument.create(uri, "yaml", 1, text);
  for (const {range, message} of await validate(document, {actionsMetadataProvider, fileProvider})) {
    if (foreign(message)) continue;
    const at = range.start.line;
    process.stdout.write(`${name}:${lines?.[at] ?? at + 1}: ${message.replaceAll("\n", " ")}\n`);
    found += 1;
  }
}
process.stderr.write(`${documents.length} documents, ${found} diagnostics\n`);
process.exitCode = found ? 1 : 0;
