# make                    build/ngx_directstream_module.so for Debian's nginx
# make NGINX_SRC=DIR      the same for the nginx source tree DIR

BUILD      = build
NGX_SRC   ?= $(NGINX_SRC)
CC_OPT    ?= -g -O2
LD_OPT    ?=

top       := $(CURDIR)
builddir  := $(abspath $(BUILD))
tree       = $(if $(NGX_SRC),$(abspath $(NGX_SRC)),/usr/share/nginx/src)
configure  = $(if $(wildcard $(tree)/configure),./configure,./auto/configure)

.PHONY: all clean

all: $(builddir)/Makefile
	+$(MAKE) -f $(builddir)/Makefile -C $(tree) modules

# configure runs where auto/ is, and writes to its build directory only
$(builddir)/Makefile: config src/openapi.json Makefile
	mkdir -p $(builddir)
	cd $(tree) && bash -c 'NGX_CONF_FLAGS=(--with-compat --with-threads); \
	    if [ -f ./conf_flags ]; then . ./conf_flags; fi; \
	    $(configure) "$${NGX_CONF_FLAGS[@]}" \
	        --with-cc-opt="$(CC_OPT) -fPIC" --with-ld-opt="$(LD_OPT) -fPIC" \
	        --add-dynamic-module=$(top) --builddir=$(builddir)'

clean:
	rm -rf $(builddir)
