// Checks objects against the published Kubernetes types. Each object becomes a typed literal for the
// TypeScript compiler, which refuses unknown and misspelt keys, wrong types and missing members at
// every depth; the JSON schema validators at hand accept unknown keys.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const MODULES = {
  v1: 'kubernetes-types/core/v1',
  'apps/v1': 'kubernetes-types/apps/v1',
  'batch/v1': 'kubernetes-types/batch/v1',
  'autoscaling/v2': 'kubernetes-types/autoscaling/v2',
  'policy/v1': 'kubernetes-types/policy/v1',
  'networking.k8s.io/v1': 'kubernetes-types/networking/v1',
  'monitoring.coreos.com/v1': './crds',
  'keda.sh/v1alpha1': './crds',
};
const HERE = path.dirname(fileURLToPath(import.meta.url));
const OPTIONS = { strict: true, noEmit: true, skipLibCheck: true, types: [], module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Node10, target: ts.ScriptTarget.ES2022 };

function sourceOf(object) {
  const module = MODULES[object?.apiVersion];
  if (!module || !/^[A-Z][A-Za-z]*$/.test(object.kind ?? '')) return null;
  return `import type { ${object.kind} as T } from '${module}';\n`
    + `const o: T = ${JSON.stringify(object, null, 1)};\nexport default o;\n`;
}

/** One list of complaints per object; empty lists are good. */
export function complaints(objects) {
  const texts = new Map(objects.map((object, i) => [path.join(HERE, `object${i}.ts`), sourceOf(object)]));
  const host = ts.createCompilerHost(OPTIONS);
  const { getSourceFile, fileExists, readFile } = host;
  const has = (file) => typeof texts.get(file) === 'string';
  host.getSourceFile = (file, language) => (has(file) ? ts.createSourceFile(file, texts.get(file), language)
    : getSourceFile(file, language));
  host.fileExists = (file) => has(file) || fileExists(file);
  host.readFile = (file) => (has(file) ? texts.get(file) : readFile(file));
  const program = ts.createProgram([...texts.keys()].filter(has), OPTIONS, host);
  const loose = program.getOptionsDiagnostics().map((d) => ts.flattenDiagnosticMessageText(d.messageText, ' '));
  if (loose.length > 0) throw new Error(loose.join('\n'));
  return [...texts].map(([file, text]) => {
    if (text === null) return ['apiVersion and kind are not of a known type'];
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      .map((d) => ts.flattenDiagnosticMessageText(d.messageText, ' '));
  });
}
