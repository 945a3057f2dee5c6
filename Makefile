# The commands of the project. `make help` lists them; a word after the target's colon and ## is its help.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Settings of the local platform, from the environment or the command line: make up LOCAL_AWS_PORT=4600
export LOCAL_AWS_PORT ?= 4566
export AIRFLOW_PORT ?= 8080
export LOCAL_VAR ?= $(CURDIR)/var
export STAGE ?= dev

UV := .venv/uv/bin/uv
UV_VERSION := 0.13.9
RUNTIMES := airflow local spark
ready = $(foreach runtime,$(1),.venv/$(runtime)/.ready)

# Each runtime has the Python of its AWS counterpart: MWAA 3.12, Glue 6.0 3.13.
PYTHON_airflow := 3.12
PYTHON_local := 3.12
PYTHON_dev := 3.12
PYTHON_spark := 3.13

.PHONY: help
help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- environments -------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(call ready,$(RUNTIMES)) .venv/spark/jars/.ready  ## build what is missing of the environments, one a runtime

.venv/uv/.ready-$(UV_VERSION):
	@setup/check_prerequisites.sh
	@echo "setup: uv $(UV_VERSION)"
	@python3 -m venv --clear .venv/uv
	@.venv/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# The stamp is made last, so an interrupted set-up is taken up again where it stopped.
.venv/%/.ready: requirements/%.txt .venv/uv/.ready-$(UV_VERSION)
	@echo "setup: environment $* (Python $(PYTHON_$*))"
	@test -x .venv/$*/bin/python || $(UV) venv --quiet --clear --python "$$(setup/find_python.sh $(PYTHON_$*) $(UV))" .venv/$*
	@$(UV) pip sync --quiet --python .venv/$*/bin/python $<
	@touch $@

.venv/spark/jars/.ready: local/spark/pom.xml .venv/spark/.ready
	@echo "setup: Spark's S3A jars"
	@mvn --quiet --batch-mode --file local/spark/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.venv/spark/jars
	@touch $@

MWAA_CONSTRAINTS ?=
.PHONY: requirements
requirements: .venv/uv/.ready-$(UV_VERSION)  # pins requirements/*.txt anew; MWAA_CONSTRAINTS=file holds Airflow to the image's versions
	@for runtime in $(RUNTIMES) dev; do \
	  case $$runtime in airflow) held="$(if $(MWAA_CONSTRAINTS),--constraint $(MWAA_CONSTRAINTS))";; *) held="";; esac; \
	  case $$runtime in spark) version=$(PYTHON_spark);; *) version=$(PYTHON_local);; esac; \
	  (cd requirements && ../$(UV) pip compile --quiet --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	    --python "$$(../setup/find_python.sh $$version ../$(UV))" $$held $$runtime.in --output-file $$runtime.txt); \
	done
