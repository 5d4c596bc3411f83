// Faults planted into good objects: [what, found] for each. A check that does not find its fault is
// not worth its line.
import { podOf } from './render.js';
import { graphComplaints, RULES } from './rules.js';
import { complaints } from './schema.js';

const pick = (objects, kind, name = 'auth') => objects.find((o) => o.kind === kind && o.metadata.name === name);
const rename = (object, from, to) => { object[to] = object[from]; delete object[from]; };
const container = (objects) => podOf(pick(objects, 'Deployment')).containers[0];

const SCHEMA_FAULTS = {
  'imagee': (o) => rename(container(o), 'image', 'imagee'),
  'clusterIp': (o) => rename(pick(o, 'Service').spec, 'clusterIP', 'clusterIp'),
  'containerPrt': (o) => rename(container(o).ports[0], 'containerPort', 'containerPrt'),
  'a port as text': (o) => { container(o).ports[0].containerPort = '7400'; },
  'revisionHistoryLimit as text': (o) => { pick(o, 'Deployment').spec.revisionHistoryLimit = 'five'; },
  'a number in a ConfigMap': (o) => { pick(o, 'ConfigMap').data.ASSAY_HTTP_PORT = 8400; },
  'a deployment without selector': (o) => { delete pick(o, 'Deployment').spec.selector; },
  'a probe one level too high': (o) => { pick(o, 'Deployment').spec.template.spec.readinessProbe = container(o).readinessProbe; },
  'minReplica': (o) => rename(pick(o, 'HorizontalPodAutoscaler').spec, 'minReplicas', 'minReplica'),
  'podSelectors': (o) => rename(pick(o, 'NetworkPolicy').spec, 'podSelector', 'podSelectors'),
  'restartPolicy in the job instead of its pod': (o) => { pick(o, 'Job', 'auth-migrate').spec.restartPolicy = 'Never'; },
  'an unknown kind': (o) => { pick(o, 'Deployment').kind = 'Deploymnt'; },
  'an unknown apiVersion': (o) => { pick(o, 'HorizontalPodAutoscaler').apiVersion = 'autoscaling/v2beta2'; },
  'a misspelt member of a ScaledObject': (o) => rename(o.find((x) => x.kind === 'ScaledObject').spec, 'minReplicaCount', 'minReplicasCount'),
  'an unknown member of a ServiceMonitor': (o) => { o.find((x) => x.kind === 'ServiceMonitor').spec.endpoint = []; },
};

const RULE_FAULTS = {
  'enumerations have words that exist': (o) => { container(o).imagePullPolicy = 'Alwayss'; },
  'selectors match the labels of their own pods': (o) => { pick(o, 'Deployment').spec.selector.matchLabels['app.kubernetes.io/name'] = 'other'; },
  'services lead to pods and named ports': (o) => { pick(o, 'Service').spec.ports[0].targetPort = 'grpc'; },
  'an ingress leads to a service port': (o) => { pick(o, 'Ingress', 'gateway').spec.rules[0].http.paths[0].backend.service.name = 'gate'; },
  'autoscalers have a target that leaves the number to them': (o) => { pick(o, 'Deployment').spec.replicas = 2; },
  'disruption budgets allow a drain': (o) => { pick(o, 'PodDisruptionBudget').spec.maxUnavailable = 0; },
  'pods meet the restricted profile': (o) => { container(o).securityContext.readOnlyRootFilesystem = false; },
  'pods have no cluster token': (o) => { podOf(pick(o, 'Job', 'auth-migrate')).automountServiceAccountToken = true; },
  'containers state requests and limits': (o) => { delete container(o).resources.limits.memory; },
  'emptyDirs are bounded and fit the limits': (o) => { delete podOf(pick(o, 'Deployment')).volumes[0].emptyDir.sizeLimit; },
  'servers have startup, readiness and liveness on the admin port': (o) => { container(o).livenessProbe.httpGet.path = '/ready'; },
  'rollouts lose no call': (o) => { delete container(o).lifecycle; },
  'workers are not killed before their cases end': (o) => { pick(o, 'ConfigMap', 'worker').data.ASSAY_WORKER_DRAIN = '11m'; },
  'replicas spread over nodes and zones': (o) => { podOf(pick(o, 'Deployment')).topologySpreadConstraints.pop(); },
  'mounted secrets and configuration are referred to where they are': (o) => { pick(o, 'ConfigMap').data.ASSAY_SECRET_KEY_FILE = '/run/secrets/elsewhere/key'; },
  'serving pods never migrate, a job of their image does': (o) => { pick(o, 'ConfigMap').data.ASSAY_MIGRATE = 'on'; },
  'objects carry the standard labels': (o) => { delete pick(o, 'Service').metadata.labels; },
  'every object is there once': (o) => { o.push(pick(o, 'Service')); },
};

const GRAPH_FAULTS = {
  'a caller the graph does not have': (o) => {
    const [calls] = pick(o, 'NetworkPolicy').spec.ingress;
    calls.from.push({ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'worker' } } });
  },
  'a policy that forgets an edge': (o) => { pick(o, 'NetworkPolicy', 'gateway').spec.egress[0].to.pop(); },
  'a rule without peers': (o) => { delete pick(o, 'NetworkPolicy').spec.ingress[0].from; },
  'no default deny': (o) => { o.splice(o.indexOf(pick(o, 'NetworkPolicy', 'default-deny')), 1); },
  'an address nobody may call': (o) => { pick(o, 'ConfigMap', 'worker').data.ASSAY_RPC_AUTH = 'tls+tcp://auth:7400'; },
  'the metadata address is open': (o) => { delete pick(o, 'NetworkPolicy').spec.egress.at(-1).to[0].ipBlock.except; },
};

const planted = (objects, plant) => { const copy = structuredClone(objects); plant(copy); return copy; };

export function faults(objects, graph) {
  // One run of the compiler over the changed objects of all schema faults.
  const changed = Object.entries(SCHEMA_FAULTS).map(([title, plant]) => {
    const copy = planted(objects, plant);
    return [title, copy.find((object, i) => JSON.stringify(object) !== JSON.stringify(objects[i]))];
  });
  const answers = complaints(changed.map(([, object]) => object));
  const missing = Object.keys(RULES).filter((title) => !RULE_FAULTS[title]);
  return [
    ...changed.map(([title], i) => [title, answers[i].length > 0]),
    ...Object.entries(RULE_FAULTS).map(([title, plant]) => [title, RULES[title](planted(objects, plant)).length > 0]),
    ...Object.entries(GRAPH_FAULTS).map(([title, plant]) => [title, graphComplaints(planted(objects, plant), graph).length > 0]),
    ['every rule has its fault', missing.length === 0],
  ];
}
