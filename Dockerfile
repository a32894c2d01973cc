# The image of the worker and of the command line: no embedded servers, no development tools, not root.
# The base is pinned by its tag; whoever mirrors it names a digest: --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build

WORKDIR /src
RUN python -m venv /opt/streamproc
# The locked packages first: they change less often than the code and stay in the build cache.
COPY requirements-image.lock ./
RUN /opt/streamproc/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes -r requirements-image.lock
# So is what builds ours: into the interpreter of this stage, which is not in the image.
COPY requirements-build.lock ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE topics.yaml ./
COPY streamproc ./streamproc
COPY schemas/examples ./schemas/examples
RUN python -m pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --no-index \
        --wheel-dir /wheel . \
    && /opt/streamproc/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index /wheel/*.whl

FROM ${PYTHON_IMAGE}

# The folder is what a volume for the names of workers begins with: it takes its owner.
RUN useradd --system --uid 10001 --create-home streamproc \
    && install --directory --owner streamproc /var/lib/streamproc
COPY --from=build /opt/streamproc /opt/streamproc
ENV PATH=/opt/streamproc/bin:$PATH \
    PYTHONUNBUFFERED=1
USER streamproc
WORKDIR /home/streamproc
EXPOSE 8080
ENTRYPOINT ["streamproc"]
CMD ["worker"]
