# The daybook command alone: no shell of ours, no package manager's lists, a user without rights. `docker build -t daybook .`
FROM rust:1.95-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libssl-dev pkg-config
WORKDIR /src
COPY . .
# Caches outlive this build and are not part of the image; so the binary is copied out of them at once.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin daybook \
 && install -D --strip target/release/daybook /out/daybook

FROM debian:bookworm-slim
# librdkafka is linked against the system's OpenSSL, so that its fixes come with the base image.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libssl3 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 daybook \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/daybook --shell /usr/sbin/nologin daybook \
 && install -d -o daybook -g daybook -m 0700 /var/lib/daybook
COPY --from=build /out/daybook /usr/local/bin/daybook
ENV DAYBOOK_HTTP__LISTEN=0.0.0.0:8080 \
    DAYBOOK_LOG__FOLDER=/var/lib/daybook \
    DAYBOOK_LOGGING__FORMAT=json
# By number: an orchestrator that forbids root looks at nothing else.
USER 10001:10001
# All that is ever written; the rest may be read-only.
VOLUME /var/lib/daybook
EXPOSE 8080
# Replaying a journal may take long; until then it is starting, not unhealthy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --retries=3 CMD ["daybook", "health"]
ENTRYPOINT ["daybook"]
CMD ["run"]
