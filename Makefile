# The two commands of the README are `make demo` and `make test`.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 30s

.PHONY: demo build test check bench fuzz package need-demo need-test need-bench clean

# The whole road on one machine, with no other set-up.
demo: build need-demo
	./nfacct demo

build:
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o nfacct ./cmd/nfacct

# The race detector needs a C compiler; the program itself does not.
test: need-test
	go test -race -timeout 20m ./...
	cd report/web/webtest && go test -mod=mod -timeout 5m ./...

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt: $$unformatted" >&2; exit 1; }
	go vet ./...
	cd report/web/webtest && go vet -mod=mod ./...
	go run $(STATICCHECK) ./...
	CGO_ENABLED=0 GOOS=freebsd go vet ./...

# Figures, side by side with the programs that do the same; nothing is asserted.
bench: need-test need-bench
	go test -run '^$$' -bench . -benchtime 2s -timeout 60m ./...

# Every fuzz target for FUZZTIME.
fuzz:
	@for file in $$(grep -rlE --include='*_test.go' '^func Fuzz' .); do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/p' $$file); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s ./$$(dirname $$file) || exit 1; \
		done; \
	done

# deb, rpm and tarballs into the folder dist.
package:
	cmd/nfacct/packaging/build dist

need-demo:
	@.ci/need mariadbd=mariadb-server myisampack=mariadb-server mariadb=mariadb-client

need-test:
	@.ci/need mariadbd=mariadb-server myisampack=mariadb-server mariadb=mariadb-client tshark=tshark \
		softflowd=softflowd nfcapd=nfdump nfacctd=pmacct zstd=zstd ip=iproute2 setpriv=util-linux gcc=gcc \
		ssh=openssh-client /usr/sbin/sshd=openssh-server \
		node=nodejs npm=npm chromium=chromium \
		/usr/bin/python3=python3 /usr/lib/python3/dist-packages/librouteros=python3-librouteros
	@[ -d report/web/webtest/node_modules/axe-core ] || npm ci --prefix report/web/webtest --no-audit --no-fund --silent

need-bench:
	@.ci/need /usr/share/lightsquid/lightparser.pl=lightsquid

clean:
	rm -rf nfacct nfacct-demo dist
