// The members of the Prometheus operator's objects that we use; whatever else is written is refused.
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
