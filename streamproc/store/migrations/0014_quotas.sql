-- What a tenant has running, and what was spent for requests that were recorded today, is found without looking at the others.
CREATE INDEX analyses_running_of_tenant ON analyses (tenant) WHERE status = 'running';
CREATE INDEX analyses_recorded ON analyses (recorded_at);
