// What must hold between objects, and what the types cannot say. Every rule returns complaints.
import { nameOf, podOf } from './render.js';

const of = (objects, kind) => objects.filter((object) => object.kind === kind);
const one = (objects, kind, name) => of(objects, kind).find((object) => object.metadata.name === name);
const matches = (selector, labels = {}) => Object.entries(selector?.matchLabels ?? selector ?? {})
  .every(([key, value]) => labels[key] === value);
const workloads = (objects) => objects.filter(podOf);
const podLabels = (object) => object.spec.template.metadata.labels;
const each = (list, check) => list.flatMap((object) => check(object).map((text) => `${nameOf(object)}: ${text}`));
const need = (holds, text) => (holds ? [] : [text]);

function milli(quantity) {
  const [, number, unit] = /^([\d.]+)(m|Ki|Mi|Gi)?$/.exec(String(quantity)) ?? [];
  return Number(number) * ({ m: 1, Ki: 1024e3, Mi: 1048576e3, Gi: 1073741824e3 }[unit] ?? 1000);
}

// Words the API accepts where the types say only `string`.
const WORDS = {
  imagePullPolicy: ['Always', 'IfNotPresent', 'Never'], protocol: ['TCP', 'UDP', 'SCTP'], pathType: ['Exact', 'Prefix'],
  restartPolicy: ['Always', 'OnFailure', 'Never'], whenUnsatisfiable: ['DoNotSchedule', 'ScheduleAnyway'],
  policyTypes: ['Ingress', 'Egress'], medium: ['', 'Memory'], unhealthyPodEvictionPolicy: ['AlwaysAllow', 'IfHealthyBudget'],
};

function strangeWords(value, key = '') {
  if (Array.isArray(value)) return value.flatMap((item) => strangeWords(item, key));
  if (value && typeof value === 'object') return Object.entries(value).flatMap(([k, v]) => strangeWords(v, k));
  return WORDS[key] && !WORDS[key].includes(value) ? [`${key}: ${value}`] : [];
}

export const RULES = {
  'enumerations have words that exist': (all) => each(all, (o) => strangeWords(o)),


  'selectors match the labels of their own pods': (all) => each(of(all, 'Deployment'), (d) => [
    ...need(matches(d.spec.selector, podLabels(d)), 'the selector does not match the template'),
    ...need(d.spec.selector.matchLabels['app.kubernetes.io/component'] === 'server', 'the selector would take migration pods'),
  ]),

  'services lead to pods and named ports': (all) => each(of(all, 'Service'), (service) => {
    const targets = workloads(all).filter((w) => matches(service.spec.selector, podLabels(w)));
    const ports = targets[0]?.spec.template.spec.containers.flatMap((c) => (c.ports ?? []).map((p) => p.name)) ?? [];
    return [...need(targets.length === 1, `${targets.length} workloads match`),
      ...need(service.spec.ports.every((p) => ports.includes(p.targetPort)), 'a target port has no container port'),
      ...need((service.spec.type ?? 'ClusterIP') === 'ClusterIP', 'only cluster addresses are allowed'),
      ...need(service.metadata.name === 'gateway' || service.spec.clusterIP === 'None', 'callers need a headless service')];
  }),

  'an ingress leads to a service port': (all) => each(of(all, 'Ingress'), (ingress) => ingress.spec.rules
    .flatMap((rule) => rule.http.paths).flatMap(({ backend }) => need(
      one(all, 'Service', backend.service.name)?.spec.ports.some((p) => p.name === backend.service.port.name),
      `there is no ${backend.service.name}:${backend.service.port.name}`))),

  'autoscalers have a target that leaves the number to them': (all) => [
    ...each(of(all, 'HorizontalPodAutoscaler'), (h) => {
      const target = one(all, h.spec.scaleTargetRef.kind, h.spec.scaleTargetRef.name);
      return [...need(target, 'the target does not exist'), ...need(target?.spec.replicas === undefined, 'the target sets replicas'),
        ...need(h.spec.minReplicas <= h.spec.maxReplicas, 'min is above max'),
        ...need(h.spec.behavior?.scaleDown?.stabilizationWindowSeconds > 0, 'scaling in is not steadied')];
    }),
    ...each(of(all, 'ScaledObject'), (s) => [
      ...need(one(all, 'Deployment', s.spec.scaleTargetRef.name), 'the target does not exist'),
      ...need(!one(all, 'HorizontalPodAutoscaler', s.spec.scaleTargetRef.name), 'an autoscaler pulls the other way'),
      ...need(s.spec.triggers.every((t) => one(all, 'TriggerAuthentication', t.authenticationRef?.name)), 'no way into the database')]),
    ...each(of(all, 'Deployment'), (d) => need(one(all, 'HorizontalPodAutoscaler', d.metadata.name)
      ?? of(all, 'ScaledObject').find((s) => s.spec.scaleTargetRef.name === d.metadata.name), 'no autoscaler')),
  ],

  'disruption budgets allow a drain': (all) => each(of(all, 'Deployment'), (d) => {
    const budgets = of(all, 'PodDisruptionBudget').filter((b) => matches(b.spec.selector, podLabels(d)));
    const { maxUnavailable, minAvailable } = budgets[0]?.spec ?? {};
    return [...need(budgets.length === 1, `${budgets.length} budgets`),
      ...need(minAvailable === undefined && maxUnavailable >= 1, 'the budget can forbid every eviction'),
      ...need(budgets[0]?.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow', 'a broken pod would block a drain')];
  }),

  'pods meet the restricted profile': (all) => each(workloads(all), (w) => {
    const pod = podOf(w);
    const kinds = new Set(['emptyDir', 'secret', 'configMap', 'projected', 'downwardAPI', 'csi', 'persistentVolumeClaim']);
    return [...need(pod.securityContext?.runAsNonRoot === true && pod.securityContext.runAsUser > 0, 'may run as root'),
      ...need(pod.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'no seccomp profile'),
      ...need(!pod.hostNetwork && !pod.hostPID && !pod.hostIPC, 'shares the host'),
      ...need((pod.volumes ?? []).every((v) => Object.keys(v).every((k) => k === 'name' || kinds.has(k))), 'a volume type is not allowed'),
      ...pod.containers.flatMap(({ securityContext: s = {}, ports = [] }) => [
        ...need(s.allowPrivilegeEscalation === false && !s.privileged, 'privileges may grow'),
        ...need(s.capabilities?.drop?.includes('ALL') && !s.capabilities.add, 'capabilities are kept'),
        ...need(s.readOnlyRootFilesystem === true, 'the root file system is writable'),
        ...need(ports.every((p) => p.containerPort >= 1024 && p.hostPort === undefined), 'a privileged or host port')])];
  }),

  'pods have no cluster token': (all) => each(workloads(all), (w) => [
    ...need(podOf(w).automountServiceAccountToken === false, 'the token is mounted'),
    ...need(one(all, 'ServiceAccount', podOf(w).serviceAccountName)?.automountServiceAccountToken === false, 'no account of its own'),
    ...need(podOf(w).enableServiceLinks === false, 'service links would look like settings')]),

  'containers state requests and limits': (all) => each(workloads(all), (w) => podOf(w).containers.flatMap(({ resources }) =>
    ['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => need(
      milli(resources?.requests?.[name]) > 0 && milli(resources.requests[name]) <= milli(resources.limits?.[name]), name)))),

  'emptyDirs are bounded and fit the limits': (all) => each(workloads(all), (w) => (podOf(w).volumes ?? [])
    .filter((v) => v.emptyDir).flatMap((v) => need(milli(v.emptyDir.sizeLimit)
      <= milli(podOf(w).containers[0].resources.limits[v.emptyDir.medium === 'Memory' ? 'memory' : 'ephemeral-storage']), v.name))),

  'servers have startup, readiness and liveness on the admin port': (all) => each(of(all, 'Deployment'), (d) =>
    podOf(d).containers.flatMap((c) => [
      ...need(c.startupProbe?.httpGet?.port === 'admin', 'no startup probe'),
      ...need(c.readinessProbe?.httpGet?.path === '/ready' && c.readinessProbe.httpGet.port === 'admin', 'no readiness probe'),
      ...need(c.livenessProbe?.httpGet?.path === '/live' && c.livenessProbe.httpGet.port === 'admin', 'liveness is not process-only'),
      ...need(c.ports.some((p) => p.name === 'admin' && p.containerPort === 9400), 'no admin port')])),

  'rollouts lose no call': (all) => each(of(all, 'Deployment'), (d) => {
    const { rollingUpdate, type } = d.spec.strategy ?? {};
    const wait = podOf(d).containers[0].lifecycle?.preStop?.sleep?.seconds ?? 0;
    return [...need(type === 'RollingUpdate' && rollingUpdate.maxUnavailable === 0 && rollingUpdate.maxSurge >= 1, 'capacity drops'),
      ...need(d.spec.minReadySeconds > 0, 'no minReadySeconds'), ...need(wait >= 5, 'stops before peers have noticed'),
      ...need(podOf(d).terminationGracePeriodSeconds > wait + 30, 'killed before the longest request ends')];
  }),

  'workers are not killed before their cases end': (all) => each(of(all, 'Deployment').filter((d) => d.metadata.name === 'worker'), (d) => {
    const drain = /^(\d+)m$/.exec(of(all, 'ConfigMap').find((c) => c.metadata.name === 'worker')?.data.ASSAY_WORKER_DRAIN ?? '');
    const pod = podOf(d);
    const others = pod.containers[0].lifecycle.preStop.sleep.seconds + 10 + 20;
    return need(drain && pod.terminationGracePeriodSeconds > Number(drain[1]) * 60 + others, 'terminationGracePeriodSeconds');
  }),

  'replicas spread over nodes and zones': (all) => each(of(all, 'Deployment'), (d) => {
    const spread = podOf(d).topologySpreadConstraints ?? [];
    return ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].flatMap((key) => need(
      spread.some((s) => s.topologyKey === key && matches(s.labelSelector, podLabels(d))), key));
  }),

  'mounted secrets and configuration are referred to where they are': (all) => each(workloads(all), (w) => {
    const pod = podOf(w);
    return pod.containers.flatMap((c) => {
      const maps = (c.envFrom ?? []).map((e) => one(all, 'ConfigMap', e.configMapRef?.name));
      const settings = { ...Object.assign({}, ...maps.map((m) => m?.data)), ...Object.fromEntries((c.env ?? []).map((e) => [e.name, e.value])) };
      const mounts = c.volumeMounts.map((m) => m.mountPath);
      return [...need(maps.every(Boolean), 'a ConfigMap does not exist'),
        ...need(c.volumeMounts.every((m) => pod.volumes.some((v) => v.name === m.name)), 'a mount without volume'),
        ...need((pod.volumes ?? []).every((v) => c.volumeMounts.some((m) => m.name === v.name)), 'a volume without mount'),
        ...Object.entries(settings).filter(([, v]) => String(v).startsWith('/run/secrets/')).flatMap(([k, v]) =>
          need(mounts.some((m) => v.startsWith(`${m}/`)), `${k} names a file that is not mounted`)),
        ...Object.keys(settings).filter((k) => /(SECRET|PASSWORD|API_KEY|DATABASE_URL|SMTP_URL)/.test(k) && !k.endsWith('_FILE'))
          .map((k) => `${k} would stand in the environment`)];
    });
  }),

  'serving pods never migrate, a job of their image does': (all) => each(of(all, 'ConfigMap')
    .filter((c) => c.data.ASSAY_DATABASE_URL_FILE), (c) => {
    const job = one(all, 'Job', `${c.metadata.name}-migrate`);
    const server = one(all, 'Deployment', c.metadata.name);
    return [...need(c.data.ASSAY_MIGRATE === 'off', 'ASSAY_MIGRATE is not off'), ...need(job, 'no migration job'),
      ...need(job && podOf(job).containers[0].image === podOf(server).containers[0].image, 'another image'),
      ...need(job && podOf(job).containers[0].args.join() === 'migrate' && podOf(job).restartPolicy === 'Never', 'not a migration')];
  }),

  'objects carry the standard labels': (all) => each(all.filter((o) => o.kind !== 'Namespace'), (o) => [
    ...need(o.metadata.labels?.['app.kubernetes.io/part-of'] === 'assay', 'part-of is missing')]),

  'every object is there once': (all) => {
    const names = all.map(nameOf);
    return names.filter((name, i) => names.indexOf(name) !== i).map((name) => `${name} twice`);
  },
};

const peersOf = (sides, port, key) => (sides ?? []).filter((side) => side.ports?.some((p) => p.port === port))
  .flatMap((side) => (side[key] ?? []).map((peer) => (peer.namespaceSelector || peer.ipBlock ? '*outside*'
    : peer.podSelector?.matchLabels?.['app.kubernetes.io/name'] ?? '*all*'))).sort().join();

/** Rules that need to know who calls whom; `graph` is deploy/k8s/call-graph.yaml. */
export function graphComplaints(all, graph) {
  const deny = of(all, 'NetworkPolicy').find((p) => Object.keys(p.spec.podSelector).length === 0);
  const closed = deny && deny.spec.policyTypes.join() === 'Ingress,Egress' && !deny.spec.ingress && !deny.spec.egress;
  return [...need(closed, 'no policy denies everything by default'),
    ...need(of(all, 'Deployment').map((d) => d.metadata.name).sort().join() === Object.keys(graph).sort().join(), 'the graph names other services'),
    ...Object.entries(graph).flatMap(([name, callees]) => edgesOf(all, graph, name, callees).map((text) => `${name}: ${text}`))];
}

function edgesOf(all, graph, name, callees) {
  const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'server' };
  const policies = of(all, 'NetworkPolicy').filter((p) => Object.keys(p.spec.podSelector).length > 0 && matches(p.spec.podSelector, labels));
  if (policies.length !== 1) return [`${policies.length} policies`];
  const [{ spec }] = policies;
  const callers = Object.keys(graph).filter((other) => graph[other].includes(name)).sort().join();
  const told = Object.entries(one(all, 'ConfigMap', name)?.data ?? {}).map(([k, v]) => /^tls\+tcp:\/\/([a-z]+):7400$/.exec(v)?.[1]
    && `${k}=${v}`).filter(Boolean).sort().join();
  // Workers are dialled at the address they register, not by name.
  const addresses = callees.filter((c) => c !== 'worker').map((c) => `ASSAY_RPC_${c.toUpperCase()}=tls+tcp://${c}:7400`).sort().join();
  const open = [...(spec.ingress ?? []).filter((side) => !side.from || !side.ports), ...(spec.egress ?? []).filter((side) => !side.to || !side.ports)];
  const outside = (spec.egress ?? []).flatMap((side) => side.to).filter((to) => to.ipBlock?.cidr === '0.0.0.0/0');
  return [...need(spec.policyTypes.join() === 'Ingress,Egress', 'one direction is open'),
    ...need(open.length === 0, 'a rule without peers or ports allows everything'),
    ...need(peersOf(spec.ingress, 7400, 'from') === callers, `callers are ${peersOf(spec.ingress, 7400, 'from')}, not ${callers}`),
    ...need(peersOf(spec.egress, 7400, 'to') === [...callees].sort().join(), `callees are ${peersOf(spec.egress, 7400, 'to')}`),
    ...need(peersOf(spec.egress, 53, 'to') === '*outside*', 'names cannot be resolved'),
    ...need(outside.every((to) => to.ipBlock.except?.includes('169.254.0.0/16')), 'the metadata address is reachable'),
    ...need(told === addresses, `configuration says ${told}`)];
}
