{% autoescape false %}
# What POINT needs in Okta: its apps, who may use them, the trusted origin{% if server %}, and an access policy with its rule{% endif %}.
# Made for {{ organization }}.
#
#   1. Create an API token in Okta under Security > API > Tokens, and give it to Terraform as a variable of the
#      environment, never in a file:   export OKTA_API_TOKEN=...
#   2. terraform init
#   3. terraform apply
#   4. Enter the outputs in POINT under Organization > Integrations > Okta, and save.
#
# Are the apps there already? Import them first, so that they are not created twice:
#   terraform import okta_app_oauth.spa <Client ID>

terraform {
  required_version = ">= 1.3"
  required_providers {
    okta = {
      source  = "okta/okta"
      version = "~> 6.0"
    }
  }
}

{% if not org_name %}
variable "org_name" {
  type        = string
  description = "The first part of your Okta domain, such as acme of acme.okta.com."
}

variable "base_url" {
  type        = string
  description = "The rest of your Okta domain, such as okta.com."
  default     = "okta.com"
}

{% endif %}
variable "interaction_code" {
  type        = bool
  description = "Okta takes this grant only when Settings > Account > Embedded widget sign-in support has Interaction Code; set it to false until then."
  default     = true
}

provider "okta" {
  org_name = {{ org_name or "var.org_name" }}
  base_url = {{ base_url or "var.base_url" }}
}

locals {
  interaction_code = var.interaction_code ? ["interaction_code"] : []
}

data "okta_everyone_group" "everyone" {}

{% for kind, arguments in apps %}
resource "okta_app_oauth" "{{ kind }}" {
{% for name, value in arguments %}
  {{ name.ljust(26) }} = {{ value }}
{% endfor %}
}

resource "okta_app_group_assignment" "{{ kind }}" {
  app_id   = okta_app_oauth.{{ kind }}.id
  group_id = data.okta_everyone_group.everyone.id
}

{% endfor %}
resource "okta_trusted_origin" "point" {
  name   = {{ origin.name }}
  origin = {{ origin.origin }}
  scopes = {{ origin.scopes }}
}

{% if server %}
resource "okta_auth_server_policy" "point" {
  auth_server_id   = {{ server }}
  name             = {{ policy.name }}
  description      = {{ policy.description }}
  priority         = {{ policy.priority }}
  status           = "ACTIVE"
  client_whitelist = [{{ policy.clients }}]
}

resource "okta_auth_server_policy_rule" "point" {
  auth_server_id                 = {{ server }}
  policy_id                      = okta_auth_server_policy.point.id
  name                           = {{ rule.name }}
  priority                       = {{ rule.priority }}
  status                         = "ACTIVE"
  grant_type_whitelist           = {{ rule.grants }}
  group_whitelist                = {{ rule.groups }}
  scope_whitelist                = {{ rule.scopes }}
{% for name, value in rule.lifetimes %}
  {{ name.ljust(30) }} = {{ value }}
{% endfor %}
}

{% endif %}
{% for kind, _arguments in apps %}
output "{{ kind }}_client_id" {
  value = okta_app_oauth.{{ kind }}.id
}
{% if not loop.last %}

{% endif %}
{% endfor %}
{% endautoescape %}
