# rest-datalake in a container: docker build -t rest-datalake . ; docs/run-anywhere.md shows how to run it.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/run.lock requirements/build.lock requirements/
# Every file that is downloaded has a hash in a lock. The environment that goes on holds no pip and no build tools.
RUN python -m venv --without-pip /opt/lake \
    && python -m pip --python /opt/lake/bin/python install --require-hashes -r requirements/run.lock \
    && python -m pip install --require-hashes -r requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY tap_rest_api tap_rest_api
COPY target_datalake target_datalake
COPY lake lake
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && python -m pip --python /opt/lake/bin/python install --no-deps --no-index /wheel/*.whl

FROM python:${PYTHON}-slim
RUN useradd --uid 10001 --create-home lake && install -d -o lake -g lake /data
COPY --from=build /opt/lake /opt/lake
ENV PATH=/opt/lake/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["lake"]
CMD ["--help"]
