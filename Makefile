# The commands of the project. `make help` lists them; a word after the target's colon and ## is its help.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Settings of the local platform, from the environment or the command line: make up LOCAL_AWS_PORT=4600
export LOCAL_AWS_PORT ?= 4566
export AIRFLOW_PORT ?= 8080
export FLINK_PORT ?= 8081
export LOCAL_VAR ?= $(CURDIR)/var
export STAGE ?= dev

# Bytecode is kept, and apart from the source: compiling Airflow anew at each start takes longer than all its imports.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache
unexport PYTHONDONTWRITEBYTECODE

UV := .venv/uv/bin/uv
UV_VERSION := 0.13.9
RUNTIMES := airflow local spark flink lambda
ready = $(foreach runtime,$(1),.venv/$(runtime)/.ready)

# Each runtime has the Python of its AWS counterpart: MWAA 3.12, Glue 6.0 3.13, Managed Flink's FLINK-2_2 3.12, Lambda 3.13.
python = $(if $(filter spark lambda,$(1)),3.13,3.12)

# The images of Amazon MWAA that the DAGs are held to; the default one is what runs on this machine.
export MWAA_IMAGES := 3.0.6 3.2.1 3.3.1
MWAA_DEFAULT := 3.2.1
MWAA_RUNTIMES := $(addprefix mwaa-,$(MWAA_IMAGES))

.PHONY: help
help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { text = $$2; \
	  while (match(text, /; [A-Z_]+=/)) text = substr(text, 1, RSTART - 1) sprintf("\n%22s", "") substr(text, RSTART + 2); \
	  printf "  make %-14s %s\n", $$1, text }' $(MAKEFILE_LIST)

# ---- environments -------------------------------------------------------------------------------------------------

# Maven ends with a code for the terminal even where it says nothing.
MVN := mvn --quiet --batch-mode
PLAIN := 2>&1 | awk '{ gsub(/\033\[[0-9;]*m/, ""); if (length($$0)) print }'

# What Maven builds for Flink: the local cluster's connector, and the application as it is deployed.
FLINK_CONNECTOR := .venv/flink/connector/flink-connector-kinesis.jar
FLINK_APPLICATION := include/flink/target/flink-application.zip
FLINK_APPLICATION_FOR_AWS := include/flink/target/aws/flink-application.zip
FLINK_JARS := $(FLINK_CONNECTOR) $(FLINK_APPLICATION)

# The function as it is deployed, for the machines that Lambda runs it on.
FUNCTION := lambda/ecomm_detect_high_event_volume
FUNCTION_ZIP := $(FUNCTION)/target/function.zip
FUNCTION_PLATFORM := x86_64-manylinux_2_28

.PHONY: setup
setup: $(call ready,$(RUNTIMES)) .venv/spark/jars/.ready $(FLINK_JARS) $(FUNCTION_ZIP)  ## build what is missing of the environments, one a runtime

.venv/uv/.ready-$(UV_VERSION):
	@setup/check_prerequisites.sh
	@echo "setup: uv $(UV_VERSION)"
	@python3 -m venv --clear .venv/uv
	@.venv/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# The stamp is made last, so an interrupted set-up is taken up again where it stopped.
.venv/%/.ready: requirements/%.txt .venv/uv/.ready-$(UV_VERSION)
	@echo "setup: environment $* (Python $(call python,$*))"
	@test -x .venv/$*/bin/python || { \
	  python=$$(setup/find_python.sh $(call python,$*) $(UV)); \
	  $(UV) venv --quiet --clear --python "$$python" .venv/$*; }
	@$(UV) pip sync --quiet --python .venv/$*/bin/python $<
	@touch $@

.venv/spark/jars/.ready: local/spark/pom.xml .venv/spark/.ready
	@echo "setup: Spark's S3A jars"
	@$(MVN) --file local/spark/pom.xml dependency:copy-dependencies -DoutputDirectory="$(CURDIR)/.venv/spark/jars" $(PLAIN)
	@touch $@

# Tests of the Java modules are `make test`'s.
$(FLINK_CONNECTOR): $(shell find local/flink-connector-kinesis/src/main -type f) local/flink-connector-kinesis/pom.xml .venv/flink/.ready
	@echo "setup: Flink's Kinesis connector"
	@$(MVN) --file local/flink-connector-kinesis/pom.xml -DskipTests package $(PLAIN)
	@mkdir -p $(@D)
	@cp local/flink-connector-kinesis/target/flink-connector-kinesis.jar $@

FLINK_SOURCES := $(shell find include/flink/src/main include/flink/sql -type f) $(addprefix include/flink/,main.py pom.xml assembly.xml assembly-jar.xml)

$(FLINK_APPLICATION): $(FLINK_SOURCES)
	@echo "setup: the Flink application"
	@$(MVN) --file include/flink/pom.xml -DskipTests package $(PLAIN)
	@touch $@

# AWS takes one jar an application, so this one has the official Kinesis connector in it.
$(FLINK_APPLICATION_FOR_AWS): $(FLINK_SOURCES)
	@echo "setup: the Flink application for AWS"
	@$(MVN) --file include/flink/pom.xml -P aws -DskipTests package \
	  $(if $(FLINK_KINESIS_CONNECTOR),-Dkinesis.connector.jar=$(abspath $(FLINK_KINESIS_CONNECTOR))) $(PLAIN)
	@touch $@

FLINK_GATEWAY := .venv/flink/sql/flink-sql-gateway-2.2.1.jar

# Flink's SQL client runs on it, and PyFlink does not bring it.
$(FLINK_GATEWAY): .venv/flink/.ready
	@echo "setup: Flink's SQL gateway"
	@$(MVN) org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
	  -Dartifact=org.apache.flink:flink-sql-gateway:2.2.1 -DoutputDirectory="$(CURDIR)/$(@D)" $(PLAIN)
	@touch $@

# The function travels with the packages that its runtime lacks, those of Lambda's own platform.
$(FUNCTION_ZIP): $(wildcard $(FUNCTION)/*.py) $(FUNCTION)/requirements.txt infra/function_package.py infra/reproducible_zip.py .venv/lambda/.ready
	@echo "setup: the Lambda function"
	@rm -rf .venv/lambda/packages
	@$(UV) pip install --quiet --no-deps --only-binary :all: --python-version $(call python,lambda) --python-platform $(FUNCTION_PLATFORM) \
	  --target .venv/lambda/packages --python .venv/lambda/bin/python --requirement $(FUNCTION)/requirements.txt
	@.venv/lambda/bin/python -m infra.function_package .venv/lambda/packages $@

MWAA_CONSTRAINTS ?=
.PHONY: requirements
requirements: .venv/uv/.ready-$(UV_VERSION)  # pins requirements/*.txt anew; MWAA_CONSTRAINTS=folder takes the images' packages from <image>/*.txt, as AWS publishes them
	@UV=$(UV) FUNCTION=$(FUNCTION) MWAA_DEFAULT=$(MWAA_DEFAULT) MWAA_CONSTRAINTS="$(MWAA_CONSTRAINTS)" setup/compile_requirements.sh \
	  $(foreach runtime,$(RUNTIMES) dev scan screenshots,$(runtime)=$(call python,$(runtime)))

# ---- the platform on this machine -----------------------------------------------------------------------------------

LOCAL := .venv/local/bin/python -m local
AIRFLOW_PYTHON := PYTHONPATH=plugins .venv/airflow/bin/python

.PHONY: demo
demo: setup  ## the whole pipeline on real engines, batch and stream; DATASET=file.csv (or .zip, several) for your own rows
	@$(AIRFLOW_PYTHON) -m demo

.PHONY: up
up: setup  ## start the local AWS and Airflow, and wait until both answer; LOCAL_AWS_PORT=4600, AIRFLOW_PORT, FLINK_PORT, LOCAL_VAR=folder for a second one
	@ECOMM_STAGE=$(STAGE) ECOMM_DEPLOYMENT="$(LOCAL_VAR)/deploy/$(STAGE).json" \
	  ECOMM_CONSOLE="http://127.0.0.1:$(LOCAL_AWS_PORT)/_local/console" $(LOCAL) up

.PHONY: down
down:  ## stop both; their state stays in var/
	@if [ -x .venv/local/bin/python ]; then $(LOCAL) down; fi

.PHONY: status
status: $(call ready,local)  ## say what is running, and where
	@$(LOCAL) status

.PHONY: logs
logs: $(call ready,local)  ## show the logs; SERVICE=platform or airflow for one; FOLLOW=1 to go on
	@$(LOCAL) logs $(SERVICE) $(if $(FOLLOW),--follow)

DEPLOYED_CODE := $(if $(AWS_ENDPOINT_URL),$(FLINK_APPLICATION),$(FLINK_APPLICATION_FOR_AWS)) $(FUNCTION_ZIP)

.PHONY: deploy
deploy: $(call ready,airflow) $(DEPLOYED_CODE) $(if $(AWS_ENDPOINT_URL),,check-templates)  ## deploy the stacks of STAGE (dev) to AWS; AWS_ENDPOINT_URL=http://127.0.0.1:4566 to this machine's
	@$(AIRFLOW_PYTHON) -m infra.deploy --stage $(STAGE) --outputs "$(LOCAL_VAR)/deploy/$(STAGE).json" $(DEPLOY_OPTIONS)

# As infra/mwaa_package.py says; the settings are those of the last `make deploy` of the stage.
.PHONY: package
package: $(call ready,airflow)  ## pack dags/, plugins.zip and requirements.txt for Amazon MWAA into dist/mwaa, with the settings of STAGE
	@.venv/airflow/bin/python -m infra.mwaa_package --stage $(STAGE) --settings "$(LOCAL_VAR)/deploy/$(STAGE).json" dist/mwaa

# What cannot be built is one finding among the others; it names the command that says why.
.PHONY: doctor
doctor: $(call ready,airflow)  ## say what `make deploy` would miss: tools, credentials, quotas, names of buckets; OPTIONS="--prefix acme"
	@$(MAKE) --keep-going $(DEPLOYED_CODE) 2> /dev/null | grep '^setup: ' || true
	@$(AIRFLOW_PYTHON) -m infra.doctor --stage $(STAGE) $(OPTIONS)

.PHONY: destroy
destroy: $(call ready,airflow)  ## delete the stacks of STAGE; OPTIONS="--keep-data", or "--delete-data" where buckets hold data
	@$(AIRFLOW_PYTHON) -m infra.destroy --stage $(STAGE) $(OPTIONS)

.PHONY: simulate
simulate: $(call ready,airflow)  ## send clicks to stream 1 of STAGE, where `make deploy` went; OPTIONS="--rate 500 --plant loud-user"
	@ECOMM_STAGE=$(STAGE) .venv/airflow/bin/python simulator/stream-data-app-simulation.py $(OPTIONS)

.PHONY: dataset
dataset: $(call ready,airflow)  ## make up a data set like the real one; OPTIONS="--rows 2000000 --output data.csv"
	@.venv/airflow/bin/python simulator/dataset-generator.py $(OPTIONS)

.PHONY: redrive
redrive: $(call ready,airflow)  ## send the detection's queue of failures through again; OPTIONS="--dry-run"
	@ECOMM_STAGE=$(STAGE) ECOMM_DEPLOYMENT="$(LOCAL_VAR)/deploy/$(STAGE).json" $(AIRFLOW_PYTHON) -m ecomm.detection.redrive.command $(OPTIONS)

.PHONY: take-out
take-out: $(call ready,airflow)  ## take MONTHS="2020-03" out of the data set of STAGE; OPTIONS=--put-back brings them back
	@test -n "$(MONTHS)" || { echo 'Name the months: make take-out MONTHS="2020-03"'; exit 1; }
	@ECOMM_STAGE=$(STAGE) ECOMM_DEPLOYMENT="$(LOCAL_VAR)/deploy/$(STAGE).json" $(AIRFLOW_PYTHON) -m ecomm.batch.take_out $(MONTHS) $(OPTIONS)

FLINK_NAME := ecomm-user-activity-counts$(if $(filter-out dev,$(STAGE)),-$(STAGE))
FLINK_STARTED := $(LOCAL_VAR)/aws/flink/applications/$(FLINK_NAME)

.PHONY: flink-sql
flink-sql: $(call ready,local) $(FLINK_JARS) $(FLINK_GATEWAY)  ## open Flink's SQL client on the streams (Ctrl-C ends it); SQL=file.sql runs a file
	@test -f "$(FLINK_STARTED)/code.properties.json" || { \
	  echo "The application $(FLINK_NAME) was not started yet: make up, make deploy, then run the DAG ecomm_streaming_start."; exit 1; }
	@APPLICATION_PROPERTIES="$(FLINK_STARTED)/code.properties.json" .venv/flink/bin/python include/flink/main.py --tables \
	  > "$(FLINK_STARTED)/tables.sql"
	@.venv/local/bin/python -m local.flink.sql_client --tables "$(FLINK_STARTED)/tables.sql" \
	  --jar include/flink/target/flink-application.jar $(if $(SQL),--file "$(SQL)")

# ---- checks ---------------------------------------------------------------------------------------------------------

# The longest first. Each waits for engines a third of its time, so three of them keep two processors busy.
# setup/test.sh says which folders a suite has, and which interpreter runs them.
SUITES := airflow local flink alarm runs demo spark images lambda

.PHONY: test
test: setup  ## run every test, each suite in an environment of its own
	@echo "test: suites $(SUITES); each is shown when it has ended"
	@$(MAKE) --jobs=3 --keep-going --output-sync=target $(addprefix test-,$(SUITES))

.PHONY: test-fast
test-fast: setup  ## run the tests that start no engine: no platform, Airflow, Spark or Flink
	@echo "test-fast: shown when all have ended"
	@setup/test.sh fast

.PHONY: test-one
test-one: setup  ## run T=tests/plugins/test_triggers.py::name, or a whole file or folder; OPTIONS="-x -k word" goes to pytest
	@setup/test.sh one '$(T)' $(OPTIONS)

.PHONY: $(addprefix test-,$(SUITES))
$(addprefix test-,$(filter-out images,$(SUITES))): setup
test-images: $(call ready,airflow $(MWAA_RUNTIMES))
$(addprefix test-,$(SUITES)): test-%:
	@setup/test.sh suite $*

.PHONY: lint
lint: $(call ready,dev scan airflow local lambda spark)  ## check style, types, SQL, templates, shell scripts and spelling; CHECKS="style types" runs some of them
	@setup/lint.sh $(CHECKS)

.PHONY: check-templates
check-templates: $(call ready,dev scan)  ## check the templates: syntax and the security of what they make
	@setup/lint.sh templates

.PHONY: bench
bench: setup $(FLINK_APPLICATION)  ## measure figures against their peers, into var/bench/; LONG=1 for those that take minutes
	@.venv/airflow/bin/python -m bench $(if $(LONG),--long)

.PHONY: bench-month
bench-month: setup  ## a month of 67.5 million rows (9 GB) through the demo, with the memory of each process; OPTIONS="--rows 1000000"
	@$(AIRFLOW_PYTHON) -m bench.month $(OPTIONS)

.PHONY: screenshots
screenshots: $(call ready,screenshots)  ## take the documentation's pictures, after `make demo`
	@PYTHONPATH=. .venv/screenshots/bin/python docs/take_screenshots.py

.PHONY: kpi
kpi: setup  ## write the files of a new KPI: NAME=kpi_brand_share
	@.venv/airflow/bin/python -m tools.new_kpi "$(NAME)"

.PHONY: docs
docs: setup  ## write the generated pages: DAGs.md, the tables of kpis.md, the index of the decisions
	@.venv/airflow/bin/python docs/generate_dags_page.py
	@.venv/airflow/bin/python docs/generate_kpis_page.py
	@.venv/airflow/bin/python docs/generate_decisions_index.py

.PHONY: clean
clean: down  ## stop everything and remove what set-up and runs made
	@rm -rf .venv var dist .mypy_cache .pytest_cache .ruff_cache include/flink/target local/flink-connector-kinesis/target
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
