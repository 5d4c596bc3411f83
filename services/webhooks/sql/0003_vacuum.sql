-- Claims walk over what others have left in deliveries_due: dead entries are to go soon.
ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
                            autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);
