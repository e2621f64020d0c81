# Both programs of wattsweep. The worker is the entry point:
#   docker build --build-arg COMMIT=$(git rev-parse --short=12 HEAD) -t wattsweep:0.1.0 .

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG COMMIT
RUN go build -trimpath -buildvcs=false -ldflags "-s -w -X github.com/wattsweep/wattsweep/internal/version.commit=${COMMIT}" -o /out/wattsweep ./starter \
 && go build -trimpath -buildvcs=false -ldflags "-s -w -X github.com/wattsweep/wattsweep/internal/version.commit=${COMMIT}" -o /out/wattsweep-worker ./worker

FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/wattsweep /out/wattsweep-worker /usr/local/bin/
RUN useradd --uid 10001 --create-home --home-dir /var/lib/wattsweep --shell /usr/sbin/nologin wattsweep
USER 10001
WORKDIR /var/lib/wattsweep
ENV WATTSWEEP_STATE=/var/lib/wattsweep/state
STOPSIGNAL SIGTERM
ENTRYPOINT ["wattsweep-worker"]
