// Validates a manifest against Slack's schema (slackapi/manifest-schema, schemas/manifest.schema.1.0.0.json at c50cfa8).

import { readFileSync } from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
const validate = ajv.compile(JSON.parse(readFileSync("manifest.schema.json", "utf8")));
if (!validate(JSON.parse(readFileSync(process.argv[2], "utf8")))) {
  console.log(ajv.errorsText(validate.errors, { separator: "\n" }));
  process.exit(1);
}
