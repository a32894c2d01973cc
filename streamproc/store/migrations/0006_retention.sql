-- What has ended long ago is found without looking at what has not.
CREATE INDEX analyses_ended ON analyses (ended_at) WHERE ended_at IS NOT NULL;
