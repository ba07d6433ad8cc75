"""Where the shared cases are proved whose tests do not carry their ids, and why a few are not proved at all. A value
names tests ("tests/web/test_x.py::test_y"), other cases ("IDT-16"), or says a reason; test_cases.py holds it to that.
"""

from __future__ import annotations


def _in(folder: str, file: str, *names: str) -> str:
    return " ".join(f"tests/{folder}/test_{file}.py::test_{name}" for name in names)


def _web(file: str, *names: str) -> str:
    return _in("web", file, *names)


def _app(file: str, *names: str) -> str:
    return _in("native_bridge", file, *names)


def _okta(file: str, *names: str) -> str:
    return _in("okta", file, *names)


def _store(file: str, *names: str) -> str:
    return _in("store", file, *names)


def _serving(file: str, *names: str) -> str:
    return _in("serving", file, *names)


_TROUBLE = _web("faults", "an_okta_in_trouble_is_a_page_in_time_and_nothing_is_left_behind")
_HEADERS = _web("headers", "every_answer_carries_the_same_protection")
_COOKIES = _web("headers", "every_cookie_is_as_closed_as_the_scheme_allows", "a_whole_login_over_https")
_NO_SECRETS = " ".join((
    _web("logs", "a_whole_login_and_logout_leave_no_secret_in_any_log",
         "a_login_that_fails_leaves_none_in_logs_pages_or_activity"),
    _app("no_secrets", "a_whole_life_of_a_login_leaves_no_secret_in_any_log", "what_is_stored_opens_nothing"),
))  # fmt: skip
_DEATH = " ".join((
    _serving("refresh_races", "delete_integration_and_a_new_password_are_felt_on_the_other_process_within_a_second",
             "universal_logout_is_felt_on_the_other_process_within_a_second",
             "an_owner_s_end_of_a_session_is_felt_on_the_other_process_within_a_second"),
    _serving("phone_races", "a_logout_on_one_node_is_known_on_the_other_before_it_is_answered"),
))  # fmt: skip
_MIXUP = " ".join((
    _web("mixup", "a_hostile_okta_that_sends_browsers_on_to_another_okta_gets_no_code",
         "a_code_of_another_okta_goes_to_the_attempt_s_own_okta_alone_and_is_refused"),
    _app("mixup", "a_hostile_okta_that_sends_browsers_on_to_another_okta_gets_no_code"),
))  # fmt: skip
_TENANTS = " ".join((
    _web("guards", "carol_of_another_organization_finds_nothing_on_any_route"),
    _web("mixup", "a_session_of_one_organization_sees_nothing_of_the_other"),
    _store("members", "what_acmes_okta_says_changes_no_account_that_globex_shares"),
))  # fmt: skip
_NEW_ID = _web("login_pages", "a_new_login_ends_the_session_that_the_browser_had",
               "an_invented_session_cookie_is_nobody")  # fmt: skip
_ODD_COOKIES = _web(
    "login_pages", "odd_cookies_beside_or_instead_of_a_session_s_are_no_bug_and_make_nobody_else_of_anybody"
)
_ALIKE = " ".join((
    _web("login_pages", "an_unknown_address_gets_the_very_page_of_a_known_one",
         "a_wrong_password_is_told_the_same_way_to_everybody"),
    _app("discover_alike", "a_person_with_an_account_and_one_without_get_the_very_same_answer",
         "the_database_is_asked_the_same_whoever_it_is"),
))  # fmt: skip
_BUG = _in("house", "routes_and_problems", "a_bug_is_a_500_that_tells_nothing", "every_problem_has_a_page")
_HOST = _web("headers", "no_header_of_a_request_gets_into_a_link")
_CSRF = _web("guards", "a_form_from_another_site_is_turned_away", "another_site_logs_nobody_out")
_ODD = _web("odd_input", "no_input_makes_a_page_answer_with_a_bug") + " " + _app(
    "openapi", "bodies_that_are_no_json_or_no_question_are_refused_as_such"
)
_BEARER = _app("sessions", "only_an_access_token_in_the_header_counts")
_NETWORKS = _web("passwords", "behind_a_trusted_proxy_each_client_is_its_own_network")

FAULTS = {
    **{f"FLT-{number}": _TROUBLE for number in (35, 37, 38, 40, 42, 45, 47, 48, 50, 52)},
    "FLT-96": _web("mixup", "the_same_address_from_two_oktas_is_not_the_same_person") + " " + _app(
        "mixup", "the_same_address_from_two_oktas_is_not_the_same_person"
    ),
}

ADVISORIES = {
    "CVE-10": _web("guards", "a_role_gets_in_where_the_table_says",
                   "carol_of_another_organization_finds_nothing_on_any_route"),
    "CVE-11": _web("mixup", "the_query_chooses_neither_organization_nor_client") + " " + _app(
        "mixup", "the_link_chooses_neither_organization_nor_client", "the_body_chooses_nothing_either"),
    "CVE-16": _NEW_ID,
    "CVE-17": _NEW_ID,
    "CVE-18": _web("universal_logout", "a_link_on_another_site_asks_as_well",
                   "a_login_begun_elsewhere_that_comes_back_to_somebody_else_s_session_changes_nothing"),
    "CVE-20": _DEATH,
    "CVE-29": _okta("id_token", "the_verdict_of_the_case_holds"),
    "CVE-32": _okta("id_token", "the_verdict_of_the_case_holds"),
    "CVE-35": _okta("provider", "random_kids_cannot_hammer_okta", "keys_outlive_a_failing_okta_for_a_day"),
    "CVE-49": _okta("domain", "every_listed_input_gets_its_verdict_without_network",
                    "a_long_input_is_answered_in_a_millisecond"),
    "CVE-50": _okta("id_token", "a_text_that_is_no_jws_is_malformed"),
    "CVE-54": _BEARER,
    "CVE-56": _HOST,
    "CVE-57": _NETWORKS,
    "CVE-58": _web("guards", "nobody_is_sent_to_log_in_and_back"),
    "CVE-59": _store("members", "the_domain_of_an_address_is_read_strictly",
                     "a_domain_that_only_looks_verified_is_outside"),
    "CVE-60": _HOST,
    "CVE-61": _web("headers", "assets_are_kept_for_a_year_and_everything_else_not_at_all"),
    "CVE-62": _web("headers", "assets_are_kept_for_a_year_and_everything_else_not_at_all",
                   "reading_pages_sets_no_cookie"),
    "CVE-64": _ODD_COOKIES,
    "CVE-65": _ODD_COOKIES,
    "CVE-66": _web("guards", "a_form_that_is_too_much_is_refused"),
    "CVE-67": "granian reads HTTP; what may be in front of it is the operator's (docs/operations.md)",
    "CVE-69": _HEADERS,
    "CVE-70": _ALIKE,
    "CVE-71": _NETWORKS,
    "CVE-72": _BUG,
    "CVE-74": _in("unit", "settings", "the_keys_of_production_have_to_be_given"),
    "CVE-75": _BUG,
    "CVE-76": _NO_SECRETS,
    "CVE-77": _in("unit", "password_hashes", "every_character_counts"),
}  # fmt: skip

CHECKLISTS = {
    # -- RFC 9700 and its neighbours
    "BCP-03": _okta("attempt", "state_nonce_and_verifier_are_new_each_time_and_in_okta_s_alphabet"),
    "BCP-04": _okta("attempt", "the_browser_is_sent_with_code_flow_s256_and_a_nonce"),
    "BCP-05": _okta("provider", "metadata_that_cannot_carry_a_login_is_refused"),
    "BCP-07": _web("rp_conformance", "rp_01_08_13_14_37_a_login_asks_and_sends_what_the_protocol_says"),
    "BCP-08": _in("unit", "settings", "production_settings_give_the_values_of_the_guide"),
    "BCP-09": _HEADERS,
    "BCP-10": _NO_SECRETS + " " + _app("sessions", "a_token_in_the_address_is_none"),
    "BCP-13": _web("rp_conformance", "an_answer_by_post_is_405_and_changes_nothing"),
    "BCP-16": _app("access_tokens", "a_subject_is_the_same_for_ever_and_no_organizations_to_choose"),
    "BCP-17": _MIXUP,
    "BCP-18": _okta("connect", "a_custom_domain_that_its_okta_names_back_leads_to_the_host_run_by_okta"),
    "BCP-20": _app("attempt_life", "without_the_verifier_a_stolen_link_ends_nothing"),
    "BCP-21": _app("login_start", "a_login_begins_with_what_okta_needs",
                   "no_two_logins_have_anything_secret_in_common"),
    "BCP-22": "no client assertions are sent: Okta's apps for POINT are public clients",
    "BCP-23": "guidance for those who make the app: docs/mobile.md; no server can tell a WebView for sure",
    "BCP-26": _app("login_start", "an_app_link_is_where_okta_returns_to_and_the_login_ends_by_it") + " " + _app(
        "claims", "android_reads_which_app_may_claim_our_links", "apple_reads_which_apps_may_claim_our_links"),
    "BCP-27": _app("login_start", "a_login_begins_with_what_okta_needs"),
    "BCP-28": _web("rp_conformance", "rp_01_08_13_14_37_a_login_asks_and_sends_what_the_protocol_says"),
    "BCP-29": _MIXUP,
    "BCP-33": _web("domains_on_save", "nobody_is_asked_for_a_name_that_cannot_be_an_okta"),
    "BCP-34": "a public client with PKCE is what Okta's apps for POINT are (the guide); no secret is kept",
    "BCP-35": _web("logout", "the_refresh_token_is_revoked_before_the_answer") + " " + _web(
        "okta_answers", "a_logout_is_one_whatever_okta_says_of_the_token"),
    "BCP-37": "PAR is not asked for; a code is redeemed in the request that brings it",
    "BCP-39": _okta("id_token", "the_verdict_of_the_case_holds"),
    "BCP-40": _web("step_up", "after_that_nothing_changes_without_another_login",
                   "an_okta_that_says_an_old_time_is_refused"),
    "BCP-45": _serving("refresh_races", "universal_logout_is_felt_on_the_other_process_within_a_second"),
    # -- ASVS: sessions, logins, who may do what
    "V1.3.12": _okta("domain", "a_long_input_is_answered_in_a_millisecond"),
    "V2.2.1": _ODD,
    "V2.3.1": _web("rp_conformance", "another_state_or_none_is_refused_before_the_token_call"),
    "V2.3.3": _app("attempt_troubles", "a_code_that_was_sent_is_spent_whatever_fails_afterwards"),
    "V3.3.5": _in("browser", "history", "six_logins_begun_in_one_browser_leave_the_last_ones_good"),
    "V6.1.1": _web("passwords", "too_many_tries_for_one_address_have_to_wait"),
    "V6.1.3": _in("house", "routes_and_problems", "the_pages_for_everybody_are_these"),
    "V6.3.2": _in("unit", "settings", "the_keys_of_production_have_to_be_given"),
    "V6.3.4": _in("house", "routes_and_problems", "the_pages_for_everybody_are_these"),
    "V6.3.5": "an option of level 3; every login is in the activity with its device",
    "V7.1.1": _web("session_length", "a_session_ends_after_the_longest_time_however_it_is_used",
                   "a_shorter_limit_counts_for_those_who_are_logged_in_already"),
    "V7.1.3": _web("session_list", "web_and_phone_stand_together_with_device_network_and_way"),
    "V7.2.1": _store("sessions", "only_a_hash_of_the_id_is_stored"),
    "V7.2.2": _store("sessions", "only_a_hash_of_the_id_is_stored"),
    "V7.2.3": _ODD_COOKIES,
    "V7.2.4": _NEW_ID,
    "V7.4.1": _DEATH,
    "V7.4.3": _web("session_list", "all_others_are_ended_at_once"),
    "V7.4.4": _web("logout", "every_page_of_somebody_logged_in_has_the_button"),
    "V7.4.5": _DEATH,
    "V7.5.1": _web("step_up", "after_that_nothing_changes_without_another_login"),
    "V7.5.2": _web("session_list", "one_is_ended_and_says_why_there"),
    "V7.6.2": _web("universal_logout", "a_link_on_another_site_asks_as_well"),
    "V8.2.1": _web("guards", "a_role_gets_in_where_the_table_says"),
    "V8.2.2": _TENANTS,
    "V8.2.3": _web("guards", "a_role_gets_in_where_the_table_says"),
    "V8.3.1": _web("guards", "every_route_is_in_the_table"),
    "V8.3.2": _web("guards", "a_member_who_was_demoted_loses_the_page_at_once"),
    "V8.4.1": _TENANTS,
    "V9.2.4": _app("access_tokens", "a_token_that_was_good_is_still_not_for_another_address"),
    "V10.2.3": _web("rp_conformance", "rp_01_08_13_14_37_a_login_asks_and_sends_what_the_protocol_says"),
    "V10.3.1": _app("access_tokens", "a_hostile_token_is_refused"),
    "V10.3.2": _app("sessions", "somebody_else_s_login_does_not_exist"),
    "V10.3.3": _store("members", "the_same_sub_at_another_issuer_is_somebody_else"),
    "V10.3.4": _web("step_up", "an_okta_that_says_no_time_is_refused"),
    "V10.3.5": _app("bound_tokens", "without_the_key_the_access_token_is_nothing"),
    "V10.4.2": _app("attempt_life", "after_half_a_minute_the_same_link_is_used"),
    "V10.4.3": _app("attempt_life", "a_login_that_took_too_long_is_expired_and_nothing_is_sent"),
    "V10.4.8": _app("tokens", "after_ninety_days_it_is_over_however_much_it_was_used"),
    "V10.4.9": _app("sessions", "another_login_of_mine_can_be_ended_and_is_dead_at_once"),
    "V13.1.3": _web("okta_answers", "flt_44_49_an_okta_that_hangs_is_given_up_at_each_moment_in_its_time"),
    "V14.3.1": _in("browser", "logout", "back_after_the_logout_shows_nobody_s_data"),
    "V15.3.5": _ODD,
    "V16.3.1": _web("logs", "the_reference_of_a_refused_login_is_in_the_organizations_activity"),
    "V16.5.4": _BUG,
    # -- for web pages: cookies, forms, tries, telling apart
    "CK-01": _COOKIES,
    "CK-02": _COOKIES,
    "CK-03": _in("browser", "modes", "an_answer_that_okta_posts_is_turned_away_and_the_login_still_finishes"),
    "CK-04": _COOKIES,
    "CK-05": _NEW_ID,
    "CK-06": _ODD_COOKIES,
    "CK-07": _ODD_COOKIES,
    "CK-08": _in("browser", "history", "six_logins_begun_in_one_browser_leave_the_last_ones_good"),
    "CSRF-01": _web("universal_logout", "a_link_on_another_site_asks_as_well"),
    "CSRF-02": _CSRF,
    "CSRF-03": _in("browser", "modes", "a_form_of_another_site_cannot_log_anybody_out"),
    "CSRF-05": _app("openapi", "a_body_of_another_kind_is_refused_whatever_is_in_it"),
    "THR-01": _web("passwords", "too_many_tries_from_one_network_have_to_wait_a_minute"),
    "THR-02": _web("passwords", "strangers_do_not_lock_out_a_browser_that_is_known", "other_addresses_do_not_wait"),
    "THR-03": _serving("outages", "flt_108_of_ten_times_as_many_the_excess_is_429_and_logins_under_way_finish"),
    "THR-04": _NETWORKS,
    "THR-05": _web("refused_returns", "a_flood_of_refused_returns_waits_and_the_neighbour_does_not"),
    "THR-06": _web("passwords", "a_known_browser_may_not_guess_for_ever"),
    "THR-07": _web("refused_returns", "a_refused_return_while_redis_is_away_keeps_nobody_out"),
    "THR-08": _app("calls", "whoever_asks_very_often_waits_and_logins_go_on"),
    "ENUM-01": _ALIKE,
    "ENUM-02": _web("guards", "carol_of_another_organization_finds_nothing_on_any_route"),
    "ENUM-03": _web("guards", "carol_of_another_organization_finds_nothing_on_any_route"),
    "ENUM-04": _web("mixup", "a_state_that_begins_like_the_right_one_is_not_the_right_one"),
    "ENUM-05": _store("members", "the_domain_of_an_address_is_read_strictly"),
    "ENUM-06": _okta("callback", "okta_s_errors_become_problems"),
    "LOG-01": _NO_SECRETS,
    "LOG-02": _okta("callback", "okta_s_own_words_are_for_the_log_capped_and_clean"),
    "LOG-03": _web("logs", "every_line_is_json_with_a_reference_that_the_answer_carries"),
    # -- headers and errors
    **{f"HDR-0{number}": _HEADERS for number in (1, 2, 3, 4, 6, 7, 8)},
    "HDR-05": _in("browser", "modes", "a_page_of_another_site_cannot_show_ours_in_a_frame"),
    "HDR-09": _web("headers", "assets_are_kept_for_a_year_and_everything_else_not_at_all"),
    "HDR-10": _web("headers", "assets_are_kept_for_a_year_and_everything_else_not_at_all"),
    "HDR-11": "not sent, since it would end other sessions of the same host: docs/decisions/0012-logging-out.md",
    "HDR-12": _app("calls", "a_page_of_another_site_may_send_what_it_likes_and_gets_nothing"),
    "HDR-14": _web("guards", "a_form_that_is_too_much_is_refused"),
    "HDR-15": _BEARER,
    "HDR-17": _BUG,
    **{f"HOST-0{number}": _HOST for number in (1, 2, 3, 4)},
    # -- the files of cases as wholes
    "G-01": _web("rp_conformance", "every_module_is_proved_here_or_listed_with_a_reason"),
    "G-02": _web("id_token_attacks", "every_case_is_proved_here_or_listed_with_a_reason"),
    "G-03": _app("deep_links_by_the_thousand", "of_50_000_nearly_right_links_none_is_wrongly_accepted"),
    "G-04": _web("open_redirects", "every_listed_case_gets_its_verdict"),
    "G-05": _okta("http", "every_listed_answer_is_proved_somewhere"),
    # -- goals about races, endings and processes
    "G-06": _TENANTS,
    "G-07": "bench/refresh_race.py::main " + _serving(
        "refresh_races", "flt_01_of_many_at_once_on_two_processes_one_asks_okta_and_nobody_is_put_out"),
    "G-08": _serving("phone_races", "flt_25_a_deep_link_redeemed_a_hundred_times_at_once_is_one_login",
                     "a_refresh_token_used_a_hundred_times_at_once_has_one_successor_that_works"),
    "G-09": "bench/chaos.py::main " + _serving(
        "phone_races", "a_node_killed_in_the_middle_of_logins_leaves_each_of_them_whole_or_over"),
    "G-10": _serving("outages", "flt_101_no_login_fails_while_the_nodes_are_replaced_one_after_the_other"),
    "G-13": _DEATH,
    "G-15": _COOKIES,
    "G-19": _NO_SECRETS,
    "G-22": _okta("id_token", "the_limits_in_time_are_exact"),
    "G-23": "bench/chaos.py::main",
}  # fmt: skip

# Items that are not about sessions, accounts, endings, races and faults, and that nobody has gone through one by one:
# some are proved by tests of texts, headers and domains, some by the lists of dependencies, some perhaps by nothing.
NOT_GONE_THROUGH = frozenset(
    # ruff: noqa: SIM905 - a list of ids is read more easily so
    """
    V1.2.1 V1.2.2 V1.2.3 V1.2.4 V1.3.7 V1.5.2 V1.5.3 V3.2.1 V3.4.7 V3.5.2 V3.6.1 V3.7.3 V3.7.4 V4.1.1 V4.1.2 V4.1.4
    V4.2.1 V4.2.5 V11.2.4 V11.3.2 V11.4.1 V11.5.1 V12.1.1 V12.2.1 V12.3.1 V13.2.4 V13.3.1 V13.4.5 V13.4.6 V14.3.3
    V15.1.2 V15.2.1 V15.3.3 V16.2.1 V16.2.2 V16.3.2 V16.3.3 V16.3.4 CSRF-04 HDR-13 HDR-16 HDR-18 HOST-05 HOST-06 HOST-07
    HOST-08 LOG-04 G-11 G-12 G-14 G-16 G-17 G-18 G-20 G-21 G-24
    """.split()
)
