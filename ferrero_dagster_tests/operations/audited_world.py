"""Worlds for the audit: campaigns whose masters went to Box and whose finals came back, and what goes wrong there."""

from ferrero_dagster.domain import audit
from ferrero_dagster.operations.audit import Audit, AuditOutcome
from ferrero_dagster_tests.fix_world import World
from ferrero_dagster_tests.transfer.finals.agency_world import Agency, final_name

MASTERS = tuple(f"Master {number:02}.png" for number in range(12))
LONG_AGO = "now() - interval '3 days'"
#: No test waits for its turn.
QUICK = {"calls_per_minute": 0}


class Audited:
    """A world in which all is as it should be, and the audit of it."""

    def __init__(self, world: World, **audit) -> None:
        self.world = world.with_site(audit=QUICK | audit)
        self.agency = Agency(self.world)
        self.box, self.dam = world.box.store, world.dam.store

    def delivered(self, *names: str, finals: bool = True, **properties) -> str:
        """The id of a campaign with masters of these names in Box, and a final of each in the DAM."""
        campaign_id = self.world.campaign({name: f"{name} of {properties}".encode() for name in names}, **properties)
        self.world.run(campaign_id)
        for number, tracking_id in enumerate(self.ids(campaign_id).values() if finals else ()):
            self.agency.deliver(final_name(tracking_id, subject=f"SUBJECT{number}"))
        if finals:
            self.agency.settle_and_move(campaign_id)
        return campaign_id

    def ids(self, campaign_id):
        """Tracking IDs of the campaign's masters, by name."""
        query = "SELECT asset_name, tracking_id FROM master_assets WHERE campaign_id = '{}' ORDER BY asset_name"
        return dict(self.world.sql(query.format(campaign_id)))

    def files(self, campaign_id):
        """Box files of the campaign's masters, by name."""
        query = "SELECT asset_name, box_file_id FROM master_assets WHERE campaign_id = '{}' ORDER BY asset_name"
        return dict(self.world.sql(query.format(campaign_id)))

    def assets(self, campaign_id):
        """Ids of the campaign's finals in the DAM, in the order of their masters' names."""
        query = """SELECT dam_asset_id FROM derivative_assets d JOIN master_assets m USING (tracking_id)
                   WHERE m.campaign_id = '{}' ORDER BY asset_name"""
        return [asset_id for (asset_id,) in self.world.sql(query.format(campaign_id))]

    def folder(self, campaign_id):
        """The campaign's folder in Box."""
        [(folder_id,)] = self.world.sql(
            f"SELECT DISTINCT box_folder_id FROM campaign_rounds WHERE campaign_id = '{campaign_id}'"
            " AND box_folder_id IS NOT NULL"
        )
        return folder_id

    def audit(self, **changes) -> AuditOutcome:
        """One start of the audit."""
        return Audit(systems=self.world.systems, log=self.world.said.append, **changes).run()

    def with_site(self, **audit) -> "Audited":
        """The same at a site with other settings of the audit."""
        return Audited(self.world, **audit)


class Planted:
    """A world with thirty differences, and what the audit is to say of them."""

    def __init__(self, audited):
        self.audited, self.box, self.dam = audited, audited.box, audited.dam
        self.sql = audited.world.sql
        self.expected: list[tuple[str, str]] = []
        self.campaign = audited.delivered(*MASTERS, name="Spring")
        self.ids, self.files = audited.ids(self.campaign), audited.files(self.campaign)
        self.folder, self.assets = audited.folder(self.campaign), audited.assets(self.campaign)
        self.quiet = audited.delivered(*MASTERS[:4], name="Summer", finals=False)
        self.in_box()
        self.named_wrongly()
        self.in_dam()
        self.in_tables()

    def expect(self, kind, *names):
        self.expected += [(kind.name, name) for name in names]

    def name(self, master):
        return self.box.item(self.files[master], "file").name

    def in_box(self):
        private = self.box.add_folder(name="Private")
        for master in MASTERS[:3]:
            self.expect(audit.MISSING_IN_BOX, self.name(master))
            self.box.delete(self.files[master])
        self.expect(audit.CHANGED_IN_BOX, self.name(MASTERS[3]), self.name(MASTERS[4]))
        self.box.put_file(self.folder, self.name(MASTERS[3]), b"retouched")
        name = self.name(MASTERS[4])
        self.box.delete(self.files[MASTERS[4]])
        self.box.put_file(self.folder, name, b"another file of that name")
        for master in MASTERS[5:7]:
            self.expect(audit.OUT_OF_FOLDERS, self.name(master))
            self.box.move(self.files[master], folder_id=private)
        for name in ("Brief.docx", "Mood_summer.pdf"):
            self.expect(audit.UNKNOWN_IN_BOX, name)
            self.box.put_file(self.folder, name, name.encode())

    def named_wrongly(self):
        for name in ("Copy of Master 07.png", "Master 07 (1).png"):
            self.expect(audit.DOUBLED_IN_BOX, name)
            self.box.put_file(self.folder, name, self.box.content(self.files[MASTERS[7]]).read_bytes())
        for stem in ("Storyboard", "Layout"):
            name = f"{stem}_{self.ids[MASTERS[8]]}.png"
            self.expect(audit.SECOND_OF_ID, name)
            self.box.put_file(self.folder, name, stem.encode())
        for name in ("Hero_ZZ99ZZ.mp4", "Hero_pOiJ9s"):
            self.expect(audit.ID_WITHOUT_ROW, name)
            self.box.put_file(self.folder, name, name.encode())
        wrong = f"Renamed_{self.ids[MASTERS[8]]}.png"
        self.expect(audit.WRONG_ID, wrong)
        self.box.rename(self.files[MASTERS[9]], wrong)

    def in_dam(self):
        name = [self.dam.item(asset_id).name for asset_id in self.assets]
        self.expect(audit.MISSING_IN_DAM, name[0], name[1])
        self.dam.delete(self.assets[0])
        self.dam.delete(self.assets[1])
        self.expect(audit.CHANGED_IN_DAM, name[2], name[3])
        self.dam.change(self.assets[2], size_bytes=7)
        self.dam.change(self.assets[3], md5_hex="0" * 32)
        folder = self.dam.folder(self.campaign, "01 Final Assets")
        self.expect(audit.DOUBLED_IN_DAM, name[4])
        self.dam.add_asset(folder, name[4], b"once more")
        self.expect(audit.UNKNOWN_IN_DAM, "By hand.png")
        self.dam.add_asset(folder, "By hand.png", b"by hand")

    def in_tables(self):
        stuck = self.audited.delivered("Stuck.png", "Moved.png", name="Stuck", finals=False)
        self.expect(audit.STUCK, "Stuck.png")
        behind = self.audited.delivered("Behind.png", name="Behind", finals=False)
        self.expect(audit.STATUS_BEHIND, "C000000004 Behind")
        ahead = self.audited.delivered("Ahead.png", name="Ahead", finals=False)
        self.expect(audit.STATUS_AHEAD, "C000000005 Ahead")
        self.expect(audit.MASTER_WITHOUT_TRANSFER, MASTERS[0])
        self.expect(audit.TRANSFER_WITHOUT_MASTER, MASTERS[1])
        self.expect(audit.OTHER_BOX_FILE, MASTERS[2])
        self.expect(audit.UNENDED_IMPORT, "Import.png")
        quiet = f"campaign_id = '{self.quiet}'"
        self.sql(
            f"UPDATE transfers SET state = 'pending', updated_at = {LONG_AGO} WHERE source_name = 'Stuck.png'",
            f"UPDATE campaign_status SET status = 'A1' WHERE campaign_id IN ('{stuck}', '{behind}')",
            f"UPDATE campaign_status SET status_since = {LONG_AGO} WHERE campaign_id = '{behind}'",
            f"UPDATE transfers SET moved_at = {LONG_AGO} WHERE campaign_id = '{behind}'",
            f"UPDATE transfers SET state = 'pending' WHERE campaign_id = '{ahead}'",
            f"DELETE FROM transfers WHERE source_name = '{MASTERS[0]}' AND {quiet}",
            f"DELETE FROM master_assets WHERE asset_name = '{MASTERS[1]}' AND {quiet}",
            f"UPDATE master_assets SET box_file_id = '77' WHERE asset_name = '{MASTERS[2]}' AND {quiet}",
            "INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id,"
            f" import_began_at) VALUES ('a2_to_a3', '{self.campaign}', '1', '1', 'Import.png',"
            f" '{self.ids[MASTERS[8]]}', {LONG_AGO})",
        )
        self.finals_in_tables()

    def finals_in_tables(self):
        """Finals of the last masters, whose rows are lost or wrong."""
        finals = [self.dam.item(asset_id).name for asset_id in self.assets]
        self.expect(audit.FINAL_WITHOUT_TRANSFER, finals[10])
        self.sql(
            "UPDATE transfers SET state = 'withdrawn' WHERE id = (SELECT transfer_id FROM derivative_assets"
            f" WHERE derivative_filename = '{finals[10]}')"
        )


def told(outcome: AuditOutcome) -> list[tuple[str, str]]:
    """Kind and name of each finding, sorted."""
    return sorted((one.finding.kind, one.finding.name) for one in outcome.found)
