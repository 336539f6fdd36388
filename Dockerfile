# The command line on a CPU.
#   docker build --tag deepsort-reid .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work" deepsort-reid track street.mp4
FROM python:3.12-slim

WORKDIR /package
COPY pyproject.toml setup.cfg MANIFEST.in README.md LICENSE CHANGELOG.md ./
COPY deepsort_reid deepsort_reid
# The headless build of OpenCV has the same modules and needs no libraries for windows.
RUN pip install --no-cache-dir '.[review]' \
    && pip uninstall --yes opencv-python \
    && pip install --no-cache-dir opencv-python-headless

# Any user of the machine may run the image; networks with a name are downloaded to here.
ENV DEEPSORT_REID_CACHE=/tmp/deepsort-reid
USER nobody
WORKDIR /work
ENTRYPOINT ["deepsort-reid"]
CMD ["--help"]
