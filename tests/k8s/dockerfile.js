// Checks of deploy/docker/Dockerfile without a container engine.
import { DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';

const words = (instruction) => instruction.getArguments().map((a) => a.getValue());

/** The instructions that make up a target, those of its base stages included. */
function chainOf(stages, name) {
  const stage = stages.find((s) => s.name === name);
  if (!stage) return [];
  return [...chainOf(stages, stage.base), ...stage.instructions];
}

function stagesOf(dockerfile) {
  const stages = [];
  for (const instruction of dockerfile.getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const [base, , name] = words(instruction);
      stages.push({ name: name ?? '', base, instructions: [] });
    } else if (stages.length > 0) stages.at(-1).instructions.push(instruction);
  }
  return stages;
}

/** Faults planted into a good Dockerfile: [what, found]. */
export function dockerfileFaults(text, services, packages) {
  const good = dockerfileChecks(text, services, packages);
  const faults = {
    'a misspelt instruction': text.replace('WORKDIR', 'WORKDIRR'),
    'an image that runs as root': text.replaceAll('USER 10001:10001', 'USER 0'),
    'the program of another service': text.replace('ENTRYPOINT ["/usr/local/bin/assay-auth"]', 'ENTRYPOINT ["/usr/local/bin/assay-tests"]'),
    'a compiler in an image': text.replace('libcivetweb1', 'gcc'),
    'a service without an image': text.replace('FROM runtime AS billing', 'FROM runtime AS bill'),
    'a base of no release': text.replace('FROM ${BASE} AS runtime', 'FROM debian AS runtime'),
    'a library the build stage lacks': text.replace('libyaml-dev', ''),
  };
  return Object.entries(faults).map(([title, changed]) => [title, good.every(([, found]) => found.length === 0)
    && dockerfileChecks(changed, services, packages).some(([, found]) => found.length > 0)]);
}

/** `packages`: what tools/setup.sh installs to build. */
export function dockerfileChecks(text, services, packages) {
  const stages = stagesOf(DockerfileParser.parse(text));
  const chains = services.map((s) => [s, chainOf(stages, s)]);
  const last = (chain, keyword) => chain.filter((i) => i.getKeyword() === keyword).at(-1);
  const wrong = (holds) => chains.filter(([service, chain]) => !holds(service, chain)).map(([service]) => service);
  const installs = (chain) => chain.filter((i) => i.getKeyword() === 'RUN').map((i) => i.getRawArgumentsContent() ?? '').join(' ');
  return [
    ['the Dockerfile has no fault a parser can see', validate(text).map((d) => `line ${d.range.start.line + 1}: ${d.message}`)],
    ['every service is a target', wrong((service) => stages.some((s) => s.name === service))],
    ['every image runs as a numeric user that is not root', wrong((_, chain) => Number(words(last(chain, 'USER') ?? { getArguments: () => [] })[0]?.split(':')[0]) >= 1000)],
    ['every image starts its own program', wrong((service, chain) => last(chain, 'ENTRYPOINT')?.getRawArgumentsContent()?.includes(`/assay-${service}"`))],
    ['no image carries a compiler or headers', wrong((_, chain) => !/-dev\b|\b(gcc|make|nodejs|npm)\b/.test(installs(chain)))],
    ['the build stage installs what tools/setup.sh installs to compile', packages
      .filter((name) => /-dev$|compiler$|^(gcc|make|nodejs|npm)$/.test(name) && !installs(chainOf(stages, 'build')).split(/\s+/).includes(name))],
    ['only the worker carries a browser', wrong((service, chain) => /\bchromium\b/.test(installs(chain)) === (service === 'worker'))],
    ['base images are pinned to a release', stages.filter((s) => !stages.some((o) => o.name === s.base))
      .filter((s) => !/^(\S+:(?!latest)[\w.-]+(@sha256:[0-9a-f]{64})?|\$\{BASE\})$/.test(s.base)).map((s) => s.base)],
    ['nothing is fetched from an address', DockerfileParser.parse(text).getInstructions().filter((i) => i.getKeyword() === 'ADD').map(String)],
  ];
}
