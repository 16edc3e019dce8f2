# The monitor without its tests, as a user without rights.
#
#   docker build -t resilience .
#   docker run -d -p 127.0.0.1:9911:9911 -v resilience:/var/lib/resilience -v /etc/resilience/sites:/sites:ro -v /etc/resilience/secrets:/run/secrets:ro resilience
#
# Pings: this user has no CAP_NET_RAW, so the unprivileged ICMP sockets are used. Docker opens
# net.ipv4.ping_group_range in a container's own network; elsewhere: --sysctl net.ipv4.ping_group_range="0 2147483647".
# With --network host (probes that have a source or an interface of the machine) the machine's own setting counts.

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY alerts alerts
COPY dashboards dashboards
COPY docs/runbooks docs/runbooks
COPY probes probes
COPY resilience resilience
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".[postgres]"

FROM python:3.12-slim-bookworm
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links=/wheels "site-resilience-monitor[postgres]" \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin resilience \
    && install -d -o resilience -m 0700 /var/lib/resilience
USER 10001
ENV PYTHONUNBUFFERED=1 STATE_DIRECTORY=/var/lib/resilience
VOLUME /var/lib/resilience
EXPOSE 9911
# Unhealthy when no site has been looked at for a minute. No proxy of the environment is asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-c", \
    "from urllib.request import ProxyHandler as P, build_opener as b; b(P({})).open('http://127.0.0.1:9911/-/healthy', timeout=4)"]
ENTRYPOINT ["resilience"]
CMD ["run", "--sites", "/sites", "--listen", "0.0.0.0:9911"]
