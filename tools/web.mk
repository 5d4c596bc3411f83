# What the gateway serves besides the API: web/ as it is, and the viewer behind /docs with the two
# files of swagger-ui-dist that it needs. npm runs in build/npm, from the lock, without scripts.
#
# WEB_STAMP: build/web is complete (ASSAY_WEB_DIR of a stack that runs from the tree)

WEB_STAMP := build/.web
WEB_FILES := $(filter-out web/docs/package%,$(wildcard web/* web/*/* web/*/*/*))
VIEWER_FILES := swagger-ui.css swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt LICENSE NOTICE

build/npm/docs/.stamp: web/docs/package.json web/docs/package-lock.json | $(SETUP)
	@mkdir -p $(@D)
	cp $^ $(@D)/
	npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(WEB_STAMP): $(WEB_FILES) build/npm/docs/.stamp tools/web.mk
	@rm -rf build/web
	@mkdir -p build/web
	cp -R web/. build/web/
	cp $(VIEWER_FILES:%=build/npm/docs/node_modules/swagger-ui-dist/%) build/web/docs/
	@rm -f build/web/docs/package.json build/web/docs/package-lock.json
	@touch $@

web: $(WEB_STAMP)
.PHONY: web
