import { type Command, Option } from 'commander';
import {
  type DocumentKind,
  documentKinds,
  documentSchema,
  rulesFileSchema,
} from '../../agent/index.ts';
import { formatData, type Io } from '../output.ts';

interface SchemaOptions {
  kind?: DocumentKind;
}

/** `stillpoint rules schema`: what an editor needs to complete and check. */
export function addRulesSchemaCommand(rules: Command, io: Io): void {
  rules
    .command('schema')
    .addOption(new Option('--kind <kind>', 'of one kind only').choices(documentKinds))
    .description('print the JSON Schema of rules, their tests and retention policies, for editors')
    .addHelpText(
      'after',
      `
Without --kind it fits every document of a rules directory. Editors with yaml-language-server take
it from the first line of a file: # yaml-language-server: $schema=schema.json

Examples:
  stillpoint rules schema > schema.json
  stillpoint rules schema --kind AgentConfig > agent-config.schema.json
`,
    )
    .action(({ kind }: SchemaOptions) => {
      io.out(formatData('json', kind === undefined ? rulesFileSchema() : documentSchema(kind)));
    });
}
