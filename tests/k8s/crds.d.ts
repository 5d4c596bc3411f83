// The members of the Prometheus operator's and KEDA's objects that we use; whatever else is written is refused.
import type { HorizontalPodAutoscalerBehavior } from 'kubernetes-types/autoscaling/v2';
import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1';

export interface ServiceMonitor {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'ServiceMonitor';
  metadata: ObjectMeta;
  spec: { selector: LabelSelector; endpoints: { port: string; path?: string; interval?: string; scrapeTimeout?: string }[] };
}

export interface PrometheusRule {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'PrometheusRule';
  metadata: ObjectMeta;
  spec: { groups: { name: string; interval?: string; rules: {
    alert: string; expr: string; for?: string; labels?: Record<string, string>; annotations?: Record<string, string>;
  }[] }[] };
}

export interface ScaledObject {
  apiVersion: 'keda.sh/v1alpha1';
  kind: 'ScaledObject';
  metadata: ObjectMeta;
  spec: {
    scaleTargetRef: { name: string };
    minReplicaCount: number;
    maxReplicaCount: number;
    pollingInterval?: number;
    cooldownPeriod?: number;
    advanced?: { horizontalPodAutoscalerConfig?: { behavior?: HorizontalPodAutoscalerBehavior } };
    triggers: { type: 'postgresql'; authenticationRef?: { name: string };
      metadata: { query: string; targetQueryValue: string; activationTargetQueryValue: string } }[];
  };
}

export interface TriggerAuthentication {
  apiVersion: 'keda.sh/v1alpha1';
  kind: 'TriggerAuthentication';
  metadata: ObjectMeta;
  spec: { secretTargetRef: { parameter: string; name: string; key: string }[] };
}
