# What tests need of npm, from their own locks, into build/npm/NAME; without scripts. A test that
# starts node sets NODE_PATH to build/npm/NAME/node_modules.

build/npm/%/.stamp: tests/%/package.json tests/%/package-lock.json | $(SETUP_TEST)
	@mkdir -p $(@D)
	cp $^ $(@D)/
	npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(B)/test/lib/blob/blob: | build/npm/s3/.stamp

$(B)/test/tests/integration/webhooks_delivery: | build/npm/webhooks/.stamp
