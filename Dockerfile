# The services' images, one target each, on shared layers.
#
#   docker build --target oms-api --tag oms-api .
#
# BuildKit is needed, as Docker has it since version 23.

# Any image with Python 3.11 or newer as `python`.
ARG BASE=python:3.11.13-slim-bookworm

# What is installed, apart from what else pyproject.toml says: so that only a change of it installs again.
FROM ${BASE} AS requirements
WORKDIR /build
COPY pyproject.toml ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
    print(*p['dependencies'], sep='\n', file=open('requirements.txt', 'w')); \
    print(*p['optional-dependencies']['reports'], sep='\n', file=open('reports.txt', 'w'))"

FROM ${BASE} AS builder
WORKDIR /build
# pip stays in the builder: the second environment, which is copied, has none.
RUN python -m venv /opt/builder && python -m venv --without-pip /opt/oms
COPY --from=requirements /build/requirements.txt ./
COPY constraints.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/builder/bin/pip install --quiet --constraint constraints.txt "setuptools>=77" \
    && /opt/builder/bin/pip --python /opt/oms/bin/python install --quiet \
        --constraint constraints.txt --requirement requirements.txt

# What draws plots and counts statistics, for `oms tca` and `oms sor-lab`: in a folder of its own, for one image.
FROM builder AS reports
COPY --from=requirements /build/reports.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/builder/bin/pip --python /opt/oms/bin/python install --quiet --target /opt/oms-reports \
        --constraint constraints.txt --requirement reports.txt

# The project itself in a folder of its own, a small layer over the large one.
FROM builder AS project
COPY pyproject.toml README.md ./
COPY proto proto
COPY oms_platform oms_platform
COPY simulators simulators
COPY execution_adapter execution_adapter
COPY sor_engine sor_engine
COPY oms_core oms_core
COPY oms_api oms_api
COPY oms_tools oms_tools
COPY oms_client oms_client
RUN /opt/builder/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/builder/bin/pip --python /opt/oms/bin/python install --quiet --no-deps --no-index \
        --target /opt/oms-sor /wheels/*.whl

FROM ${BASE} AS runtime
RUN groupadd --gid 10001 oms \
    && useradd --uid 10001 --gid oms --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin oms \
    && install -d -o oms -g oms -m 0750 /var/lib/oms
COPY --from=builder /opt/oms /opt/oms
COPY --from=project /opt/oms-sor /opt/oms-sor
COPY deploy/ready.py /opt/oms-sor/ready.py
# Every listener in a container is for its network. gRPC and health ports are the same in all containers.
ENV PATH=/opt/oms/bin:/opt/oms-sor/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/oms-sor \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMS_HOST=0.0.0.0 \
    OMS_GRPC_PORT=9090 \
    OMS_HEALTH_PORT=8090 \
    OMS_SCOREKEEPER_HEALTH_PORT=8090 \
    OMS_ANSWERS_HEALTH_PORT=8090 \
    OMS_ANSWERS_GRPC_PORT=9090
USER 10001:10001
WORKDIR /opt/oms-sor
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-IS", "/opt/oms-sor/ready.py"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.vendor="OMS-SOR" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# REST and WebSocket, gRPC; `oms` is the command line.
FROM runtime AS oms-api
LABEL org.opencontainers.image.title="oms-api" \
      org.opencontainers.image.description="Gateway of the OMS-SOR platform: REST, WebSocket, gRPC"
ENV OMS_API_HTTP_PORT=8080
EXPOSE 8080 8090 9090 9880
CMD ["python", "-m", "oms_api"]

FROM runtime AS oms-core
LABEL org.opencontainers.image.title="oms-core" \
      org.opencontainers.image.description="Order lifecycle and risk of the OMS-SOR platform"
EXPOSE 8090 9090
CMD ["python", "-m", "oms_core"]

# `python -m sor_engine scorekeeper` keeps the venues' scorecards, `… answer` answers questions.
FROM runtime AS sor-engine
LABEL org.opencontainers.image.title="sor-engine" \
      org.opencontainers.image.description="Smart order router of the OMS-SOR platform; scorekeeper, answers"
EXPOSE 8090 9090
CMD ["python", "-m", "sor_engine"]

FROM runtime AS execution-adapter
LABEL org.opencontainers.image.title="execution-adapter" \
      org.opencontainers.image.description="FIX 4.4 initiator of the OMS-SOR platform"
ENV OMS_ADAPTER_FIX_STORE=/var/lib/oms/fix
VOLUME /var/lib/oms
EXPOSE 8090
CMD ["python", "-m", "execution_adapter"]

FROM runtime AS marketdata-simulator
LABEL org.opencontainers.image.title="marketdata-simulator" \
      org.opencontainers.image.description="Simulated market data for the OMS-SOR platform"
EXPOSE 8090 9090
CMD ["python", "-m", "simulators.market_data"]

FROM runtime AS broker-simulator
LABEL org.opencontainers.image.title="broker-simulator" \
      org.opencontainers.image.description="Six simulated venues behind one FIX 4.4 port for the OMS-SOR platform"
ENV OMS_BROKER_SIM_FIX_PORT=9878 \
    OMS_BROKER_SIM_DATA=/var/lib/oms/broker
VOLUME /var/lib/oms
EXPOSE 8090 9878
CMD ["python", "-m", "simulators.broker"]

# `oms` with what its reports need; they are written to /reports, where it runs.
FROM runtime AS oms-tools
LABEL org.opencontainers.image.title="oms-tools" \
      org.opencontainers.image.description="Command line of the OMS-SOR platform, with plots and statistics"
COPY --from=reports /opt/oms-reports /opt/oms-reports
# The user has no home: matplotlib keeps its list of fonts where it can.
ENV PYTHONPATH=/opt/oms-sor:/opt/oms-reports \
    MPLCONFIGDIR=/tmp/matplotlib
USER root
RUN install -d -o oms -g oms -m 0750 /reports
USER 10001:10001
WORKDIR /reports
VOLUME /reports
HEALTHCHECK NONE
ENTRYPOINT ["oms"]
CMD ["--help"]
